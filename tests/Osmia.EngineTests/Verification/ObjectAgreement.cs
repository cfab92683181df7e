using System.Globalization;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;

namespace Osmia.Tests.Verification;

/// <summary>What we and the running kernel say of one program of an object.</summary>
/// <param name="Refusal">The kernel's reason; null when it loads the program.</param>
/// <param name="KernelSlot">The last instruction in the kernel's log, or -1.</param>
/// <param name="IsAsked">The kernel's verifier gave a verdict: nothing else (a map, a right, a hook that it has not) came before.</param>
internal sealed record Judgement(string Object, string Program, string Section, VerificationReport Ours, string? Refusal, int KernelSlot, bool IsAsked)
{
    public bool Agrees => Refusal is null ? Ours.Verdict == Verdict.Accept : Ours.Verdict == Verdict.Reject;

    public string Cell => $"{Ours.Verdict} here, {(Refusal is null ? "Accept" : "Reject")} there";

    public override string ToString() =>
        $"{Object} {Program} [{Section}]: {Cell}: ours {(Ours.Problem is { } problem ? $"{problem.Family} at {problem.Slot}: {problem.Message}" : "-")} ({Ours.InstructionsProcessed} processed); kernel {(Refusal is null ? "-" : $"at {KernelSlot}: {Refusal}")}";
}

/// <summary>Judges every program of an object by itself, here and by loading it; nothing is attached, and everything is let go.</summary>
[SupportedOSPlatform("linux")]
internal static partial class ObjectAgreement
{
    /// <summary>Programs that cannot be linked for the running kernel are left out.</summary>
    public static IEnumerable<Judgement> Of(KernelEngine engine, byte[] data, string name)
    {
        BpfObject[] read;
        try
        {
            read = [BpfObject.Read(data, name)];
        }
        catch (BpfException)
        {
            yield break;
        }

        foreach (BpfProgram program in read[0].Programs)
        {
            if (Link(engine, data, name, program.Name) is not { } linked)
            {
                continue;
            }

            VerificationReport ours = Verifier.Verify(linked, linked.Programs[0], engine.Target);
            KernelException? refusal = Refusal(engine, linked);
            string log = refusal?.VerifierLog ?? "";
            int slot = InstructionLine().Matches(log) is [.., { } last] ? int.Parse(last.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : -1;
            bool isAsked = refusal is null || slot >= 0 || refusal.Diagnostic.Id == "OSM5020";
            yield return new Judgement(name, program.Name, program.Section.Name, ours, refusal is null ? null : Reason(refusal), slot, isAsked);
        }
    }

    /// <summary>One program with what it needs, maps of a size that the kernel makes.</summary>
    private static LinkedObject? Link(KernelEngine engine, byte[] data, string name, string only)
    {
        BpfObject source = BpfObject.Read(data, name);
        foreach (BpfProgram program in source.Programs)
        {
            program.AutoLoad = program.Name == only;
        }

        foreach (BpfMap map in source.Maps)
        {
            map.PinByName = false;
            map.Slots = map.DataSection == DataSectionKind.StructOps ? map.Slots : [];
            // What their tools set before they load.
            uint least = map.Type switch { MapType.Ringbuf or MapType.UserRingbuf => 4096, MapType.PerfEventArray => 0, _ => 1 };
            map.MaxEntries = Math.Min(Math.Max(map.MaxEntries, least), 1 << 16);
            map.ValueSize = map.Type == MapType.StackTrace && map.ValueSize == 0 ? 8 * 20u : map.ValueSize;
        }

        try
        {
            LinkedObject linked = Linker.Link(source, engine.Target);
            // Callbacks of one struct are linked together.
            return linked.Programs.FirstOrDefault(program => program.Name == only) is { } found
                ? linked with { Programs = [found], Maps = [.. linked.Maps.Select(map => map with { Functions = [] })] }
                : null;
        }
        catch (BpfException)
        {
            return null;
        }
    }

    private static KernelException? Refusal(KernelEngine engine, LinkedObject linked)
    {
        try
        {
            engine.Load(linked, LoadOptions.Default).Dispose();
            return null;
        }
        catch (KernelException e)
        {
            return e;
        }
        catch (BpfException e)
        {
            return new KernelException(e.Diagnostic, "", 0);
        }
    }

    private static string Reason(KernelException refusal)
    {
        string[] lines = (refusal.VerifierLog ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return lines.LastOrDefault(line => !line.StartsWith("processed ", StringComparison.Ordinal)
            && !line.StartsWith("verification time", StringComparison.Ordinal)
            && !line.StartsWith("stack depth", StringComparison.Ordinal)) ?? $"{refusal.Diagnostic.Id} {refusal.Diagnostic.What}: {refusal.Diagnostic.Why}";
    }

    [GeneratedRegex(@"^(\d+): \(", RegexOptions.Multiline)]
    private static partial Regex InstructionLine();
}
