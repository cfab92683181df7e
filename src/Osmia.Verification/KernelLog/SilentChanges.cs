using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.Explain;
using Osmia.Verification.Facts;

namespace Osmia.Verification.KernelLog;

/// <summary>
/// Adds to a path read from a kernel's log what the kernel does to registers without printing them: it prints those an instruction names,
/// not those that change with them.
/// </summary>
internal static class SilentChanges
{
    public static PathTrace Add(PathTrace trace, LinkedProgram program)
    {
        var values = new Dictionary<Place, TracedValue?>();
        foreach (TraceStep step in trace.Steps)
        {
            (Place Place, TracedValue? Value)[] printed = [.. step.Changes];
            foreach ((Place place, TracedValue? value) in printed)
            {
                if (value is { IsPacket: true })
                {
                    SpreadRange(values, step, place, value);
                }

                values[place] = value;
            }

            if (step.Slot >= 0 && step.Slot < program.Instructions.Length && MovesPacket(program, program.Instructions[step.Slot]))
            {
                ForgetPacket(values, step);
            }
        }

        return new PathTrace(trace.Steps, trace.IsWhole);
    }

    /// <summary>A comparison with the packet's end says the same of all pointers from one base.</summary>
    private static void SpreadRange(Dictionary<Place, TracedValue?> values, TraceStep step, Place place, TracedValue found)
    {
        if (values.GetValueOrDefault(place) is not { IsPacket: true } before || before.Size >= found.Size || before.Id != found.Id)
        {
            return;
        }

        foreach ((Place other, TracedValue? value) in values.ToArray())
        {
            if (other != place && value is { IsPacket: true } && value.Kind == found.Kind && value.Id == found.Id && value.Size < found.Size)
            {
                Change(values, step, other, value with { Size = found.Size });
            }
        }
    }

    private static void ForgetPacket(Dictionary<Place, TracedValue?> values, TraceStep step)
    {
        foreach ((Place place, TracedValue? value) in values.ToArray())
        {
            if (value is { Kind: ValueKind.Packet or ValueKind.PacketMeta or ValueKind.PacketEnd })
            {
                Change(values, step, place, new TracedValue(ValueKind.Number, false, Domains.Scalar.Unknown, 0, -1, 0, 0, ""));
            }
        }
    }

    private static void Change(Dictionary<Place, TracedValue?> values, TraceStep step, Place place, TracedValue value)
    {
        step.Changes.Add((place, value));
        values[place] = value;
    }

    private static bool MovesPacket(LinkedProgram program, Instruction instruction) =>
        instruction.IsHelperCall && HelperTable.Find(instruction.Immediate)?.SignatureFor(program.Type, program.AttachType) is { } signature && (signature.Traits & HelperTraits.ChangesPacket) != 0;
}
