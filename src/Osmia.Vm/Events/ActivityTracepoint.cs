using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Osmia.Vm.Hooks;

namespace Osmia.Vm.Events;

/// <summary>When an <see cref="Activity"/> is shown to programs.</summary>
public enum ActivityMoment
{
    Start,
    Stop,
}

/// <summary>
/// Activities of an <see cref="ActivitySource"/>: spans of traces. A context may have fields OperationName, DisplayName, SourceName, Kind, Status,
/// StartNs (since 1970), DurationNs, TraceId (16 bytes), SpanId and ParentSpanId (8 bytes, or 64-bit numbers in the order of memory), and tags by their
/// names.
/// </summary>
public sealed class ActivityTracepoint<[DynamicallyAccessedMembers(HookContext.Fields)] TContext> : Tracepoint<TContext>
    where TContext : unmanaged
{
    private readonly ActivityListener _listener;

    /// <param name="source">The source's name; null for all. Activities of the source are made, with all their tags, for as long as this listens.</param>
    public ActivityTracepoint(Hook<TContext> hook, string? source, ActivityMoment moment = ActivityMoment.Stop)
        : base(hook)
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = candidate => source is null || candidate.Name == source,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            SampleUsingParentId = static (ref ActivityCreationOptions<string> _) => ActivitySamplingResult.AllData,
            ActivityStarted = moment == ActivityMoment.Start ? Take : null,
            ActivityStopped = moment == ActivityMoment.Stop ? Take : null,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _listener.Dispose();
        }
    }

    private void Take(Activity activity)
    {
        if (!Hook.IsEnabled)
        {
            return;
        }

        TContext context = default;
        Span<byte> bytes = Bytes(ref context);
        Span<byte> id = stackalloc byte[16];
        for (int field = 0; field < Binding.Count; field++)
        {
            switch (Binding.NameOf(field))
            {
                case "OperationName":
                    Binding.Write(bytes, field, activity.OperationName.AsSpan());
                    break;
                case "DisplayName":
                    Binding.Write(bytes, field, activity.DisplayName.AsSpan());
                    break;
                case "SourceName":
                    Binding.Write(bytes, field, activity.Source.Name.AsSpan());
                    break;
                case "Kind":
                    Binding.Write(bytes, field, (long)activity.Kind);
                    break;
                case "Status":
                    Binding.Write(bytes, field, (long)activity.Status);
                    break;
                case "StartNs":
                    Binding.Write(bytes, field, ContextBinding.NanosecondsOf(activity.StartTimeUtc));
                    break;
                case "DurationNs":
                    Binding.Write(bytes, field, activity.Duration.Ticks * 100);
                    break;
                case "TraceId":
                    activity.TraceId.CopyTo(id);
                    Binding.WriteBytes(bytes, field, id);
                    break;
                case "SpanId":
                    activity.SpanId.CopyTo(id[..8]);
                    Binding.WriteBytes(bytes, field, id[..8]);
                    break;
                case "ParentSpanId":
                    activity.ParentSpanId.CopyTo(id[..8]);
                    Binding.WriteBytes(bytes, field, id[..8]);
                    break;
                case var tag:
                    Fill(bytes, field, activity.GetTagItem(tag));
                    break;
            }
        }

        Fire(ref context);
    }
}
