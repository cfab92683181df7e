using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Cli.Run;
using Osmia.Cli.Words;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Sections;
using Osmia.Runtime;

namespace Osmia.Cli.Commands.Prog;

/// <summary>
/// <c>osmia prog attach PROG HOOK [MAP]</c> as bpftool; and for every other kind <c>PROG at SECTION</c>, where the section name says the place as it does in C.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class ProgAttach
{
    public const string Grammar = "PROG { HOOK [MAP] | at SECTION [dev DEVICE] [cgroup DIR] [pid N] [path BINARY] [pin FILE] }";
    public const string DetachGrammar = "PROG HOOK [MAP]";

    private static readonly (string Word, AttachType Hook)[] s_hooks =
    [
        ("sk_msg_verdict", AttachType.SkMsgVerdict), ("sk_skb_verdict", AttachType.SkSkbVerdict), ("sk_skb_stream_verdict", AttachType.SkSkbStreamVerdict),
        ("sk_skb_stream_parser", AttachType.SkSkbStreamParser), ("flow_dissector", AttachType.FlowDissector), ("msg_verdict", AttachType.SkMsgVerdict),
        ("skb_verdict", AttachType.SkSkbVerdict), ("stream_verdict", AttachType.SkSkbStreamVerdict), ("stream_parser", AttachType.SkSkbStreamParser),
    ];

    public static void Attach(VerbCall call)
    {
        using KernelProgram program = ProgramWords.Open(call.Words);
        if (call.Words.Take("at"))
        {
            AttachAt(call, program);
            return;
        }

        AttachType hook = Hook(call.Words, out KernelMap? map);
        using (map)
        {
            ProgramAttachments.Attach(program, hook, map);
        }

        call.Done($"attached {program.Name} at {hook.ToKernelName()}");
    }

    public static void Detach(VerbCall call)
    {
        using KernelProgram program = ProgramWords.Open(call.Words);
        AttachType hook = Hook(call.Words, out KernelMap? map);
        using (map)
        {
            ProgramAttachments.Detach(program, hook, map);
        }

        call.Done($"detached {program.Name} from {hook.ToKernelName()}");
    }

    private static AttachType Hook(WordReader words, out KernelMap? map)
    {
        string text = words.Next("the hook");
        (string? word, AttachType hook) = Array.Find(s_hooks, row => row.Word == text);
        if (word is null)
        {
            throw new UsageException($"{words.Verb}: '{text}' is none of {string.Join(", ", s_hooks.Take(5).Select(row => row.Word))}; other places are written 'at SECTION', such as at tp/sched/sched_switch");
        }

        map = hook == AttachType.FlowDissector ? null : MapWords.Open(words);
        words.End();
        return hook;
    }

    /// <summary>Held by this process until Ctrl-C, or by a pin.</summary>
    private static void AttachAt(VerbCall call, KernelProgram opened)
    {
        WordReader words = call.Words;
        SectionMatch section = SectionWords.Parse(words);
        (var options, string? pin) = (new AttachOptions(), (string?)null);
        while (!words.IsAtEnd)
        {
            switch (words.Next("dev"))
            {
                case "dev":
                    options = options with { Device = words.Next("the device") };
                    break;
                case "cgroup":
                    options = options with { Cgroup = words.Next("the cgroup") };
                    break;
                case "pid":
                    options = options with { Pid = (int)words.Number("the process") };
                    break;
                case "path":
                    options = options with { BinaryPath = words.Next("the binary") };
                    break;
                case "pin":
                    pin = words.Next("the file");
                    break;
                case var other:
                    throw new UsageException($"{words.Verb}: '{other}' is none of dev, cgroup, pid, path, pin");
            }
        }

        if (section.Type != opened.Type)
        {
            throw new UsageException($"{words.Verb}: '{section.Name}' takes programs of type {section.Type.ToKernelName()}; program '{opened.Name}' is of type {opened.Type.ToKernelName()}");
        }

        using KernelProgram program = KernelInventory.OpenProgram(KernelInventory.Describe(opened.Handle).Id, section);
        using KernelEngine engine = KernelEngine.Open();
        AttachTarget target = TargetOf(program, options);
        using Link link = engine.Attach(program, target);
        if (pin is not null)
        {
            KernelInventory.Pin(LinkPin.HandleOf(link), pin);
            call.Done($"attached {program.Name} to {target.Describe()}, pinned at {pin}");
            return;
        }

        using var stop = new StopSignal();
        Console.Error.WriteLine($"attached {program.Name} to {target.Describe()}; Ctrl-C detaches");
        stop.Token.WaitHandle.WaitOne();
        call.Done($"detached {program.Name}");
    }

    /// <summary>What is missing is named as this verb takes it: a word, where other verbs have an option.</summary>
    private static AttachTarget TargetOf(KernelProgram program, AttachOptions options)
    {
        try
        {
            return AttachPlan.TargetOf(program.Definition, options);
        }
        catch (UnsupportedFeatureException e) when (e.Diagnostic.What.StartsWith("option --", StringComparison.Ordinal))
        {
            throw new RunException(e.Diagnostic with
            {
                What = e.Diagnostic.What.Replace("option --", "word ", StringComparison.Ordinal),
                Try = e.Diagnostic.Try!.Replace("--", "", StringComparison.Ordinal),
            });
        }
    }

    public static void Pin(VerbCall call)
    {
        using KernelProgram program = ProgramWords.Open(call.Words);
        string path = call.Words.Next("the file");
        call.Words.End();
        KernelInventory.Pin(program.Handle, path);
        call.Done($"pinned program {program.Name} at {path}");
    }
}
