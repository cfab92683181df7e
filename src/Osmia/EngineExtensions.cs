using System.Collections.Concurrent;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia;

/// <summary>The whole way of an object in one place: link against the engine's target, load, attach, read events.</summary>
public static class EngineExtensions
{
    /// <summary>Links the object for this engine and loads it. The caller disposes the result; disposing detaches nothing that others attached.</summary>
    public static LoadedObject Load(this IEngine engine, BpfObject source, LoadOptions? options = null)
    {
        LinkedObject linked = Linker.Link(source, engine.Target);
        try
        {
            return engine.Load(linked, options ?? LoadOptions.Default);
        }
        catch (KernelException refusal) when (RefusalStory.Of(linked, engine.Target, refusal) is { } explained)
        {
            throw explained;
        }
    }

    /// <summary>Attaches every program that its section name says how to attach. On failure nothing stays attached.</summary>
    public static LinkSet AttachAll(this LoadedObject loaded, AttachOptions? options = null)
    {
        var links = new List<Link>();
        try
        {
            foreach ((LinkedProgram program, AttachTarget target) in AttachPlan.Of(loaded.Definition, options ?? new AttachOptions()))
            {
                links.Add(loaded.Engine.Attach(loaded.Program(program.Name), target is SockmapNameTarget named ? new SockmapTarget(loaded.Map(named.Map)) : target));
            }

            return new LinkSet(links);
        }
        catch
        {
            new LinkSet(links).Dispose();
            throw;
        }
    }

    /// <summary>Opens a ring buffer or perf buffer whose records are <typeparamref name="T"/>.</summary>
    public static EventStream<T> RingBuffer<T>(this LoadedObject loaded, string map)
        where T : unmanaged => new(loaded.Map(map).OpenReader());
}

/// <summary>Links that are detached together, last attached first.</summary>
public sealed class LinkSet(IReadOnlyList<Link> links) : IDisposable
{
    public IReadOnlyList<Link> Links { get; } = links;

    /// <summary>From so many on they are detached side by side: the kernel lets a while pass for each, and that may be the same while.</summary>
    private const int Many = 4;

    private const int MostAtOnce = 32;

    public void Dispose()
    {
        if (Links.Count < Many)
        {
            for (int i = Links.Count - 1; i >= 0; i--)
            {
                Links[i].Dispose();
            }

            return;
        }

        int next = Links.Count;
        var failures = new ConcurrentQueue<Exception>();
        Thread[] threads = [.. Enumerable.Range(0, Math.Min(Links.Count, MostAtOnce)).Select(_ => new Thread(Detach, 256 * 1024))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        if (failures.TryDequeue(out Exception? first))
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
        }

        void Detach()
        {
            for (int i = Interlocked.Decrement(ref next); i >= 0; i = Interlocked.Decrement(ref next))
            {
                try
                {
                    Links[i].Dispose();
                }
                catch (Exception e)
                {
                    failures.Enqueue(e);
                }
            }
        }
    }
}
