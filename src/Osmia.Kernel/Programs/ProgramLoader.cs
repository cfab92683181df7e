using Osmia.Bytecode;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Kernel.Programs;

/// <summary>BPF_PROG_LOAD for the programs of one object.</summary>
/// <param name="btf">The object's types in the kernel, or null.</param>
/// <param name="modules">Descriptors of the types of modules, numbered as the linked object numbers them.</param>
internal sealed unsafe class ProgramLoader(LinkedObject linked, IReadOnlyList<KernelMap> maps, BpfHandle? btf, int[] modules, uint kernelVersion, LoadOptions options, int token = 0)
{
    private const uint StatisticsLevel = 4;
    private const int FirstLogSize = 64 * 1024;
    private const int LargestLogSize = 16 * 1024 * 1024;
    private const uint SleepableFlag = 1 << 4;
    private const uint XdpFragsFlag = 1 << 5;
    private const uint TokenFlag = 1 << 16;

    private readonly byte[] _license = BpfSyscall.Terminated(linked.License);
    private readonly UsdtSpecs _usdtSpecs = new();
    private ReplacedFunction? _replaced;
    private byte[] _log = GC.AllocateUninitializedArray<byte>(FirstLogSize);

    /// <exception cref="KernelException">OSM5020 with the verifier's log, or OSM5021 when the kernel refused before verifying.</exception>
    public KernelProgram Load(LinkedProgram program)
    {
        ReplacedFunction? replaced = ReplacedFunction.Find(program, options);
        CheckTarget(program, replaced);
        _replaced = replaced;
        Instruction[] instructions = Patch(program);
        DebugInfo debug = btf is null ? DebugInfo.None : DebugInfo.Of(program);
        int result = TryLoad(program, instructions, debug, (uint)options.LogLevel | StatisticsLevel, out VerifierLog log);
        if (result == -Errno.ENOSPC)
        {
            result = LoadWithGrowingLog(program, instructions, debug, (uint)options.LogLevel | StatisticsLevel, ref log);
        }

        // Say why: once more with the full log. It may succeed where memory or time was short before.
        if (result < 0)
        {
            int first = result;
            VerifierLog statistics = log;
            result = LoadWithGrowingLog(program, instructions, debug, (uint)options.LogLevel | 1 | StatisticsLevel, ref log);
            if (result < 0 && debug != DebugInfo.None && BlamesDebugInfo(log))
            {
                result = TryLoad(program, instructions, DebugInfo.None, (uint)options.LogLevel | StatisticsLevel, out log);
            }

            if (result < 0)
            {
                throw ProgramRefusal.Explain(program, result == -Errno.ENOSPC ? first : result, log.IsEmpty ? statistics : log);
            }
        }

        return new KernelProgram(program, new BpfHandle(result), log) { Maps = maps, UsdtSpecs = _usdtSpecs };
    }

    private int LoadWithGrowingLog(LinkedProgram program, Instruction[] instructions, DebugInfo debug, uint level, ref VerifierLog log)
    {
        int result;
        while (true)
        {
            result = TryLoad(program, instructions, debug, level, out VerifierLog latest);
            log = latest.IsEmpty ? log : latest;
            if (result != -Errno.ENOSPC || _log.Length >= LargestLogSize)
            {
                return result;
            }

            _log = GC.AllocateUninitializedArray<byte>(_log.Length * 4);
        }
    }

    private int TryLoad(LinkedProgram program, Instruction[] instructions, DebugInfo debug, uint level, out VerifierLog log)
    {
        _log[0] = 0;
        fixed (Instruction* code = instructions)
        fixed (byte* license = _license)
        fixed (byte* logBuffer = _log)
        fixed (FunctionRecord* functions = debug.Functions)
        fixed (SourceRecord* lines = debug.Lines)
        fixed (int* descriptors = modules)
        {
            var attributes = new ProgramLoadAttributes
            {
                Type = (uint)program.Type,
                InstructionCount = (uint)instructions.Length,
                Instructions = (ulong)code,
                License = (ulong)license,
                LogLevel = level,
                LogSize = (uint)_log.Length,
                LogBuffer = (ulong)logBuffer,
                KernelVersion = kernelVersion,
                Flags = (program.Section.IsSleepable ? SleepableFlag : 0) | (program.Section.HasFrags ? XdpFragsFlag : 0) | (token == 0 ? 0 : TokenFlag),
                TokenFd = token,
                Name = BpfSyscall.KernelName(program.Name),
                ExpectedAttachType = program.StructMember >= 0 ? (uint)program.StructMember : (uint)(program.AttachType ?? 0),
                AttachBtfId = _replaced?.Type.Value ?? program.AttachBtfId.Value,
                AttachFd = _replaced?.Program.Handle.Descriptor ?? (program.AttachModule == 0 ? 0 : modules[program.AttachModule]),
                FdArray = (ulong)descriptors,
            };
            if (debug.Functions.Length > 0)
            {
                attributes.BtfFd = btf!.Descriptor;
                (attributes.FunctionInfo, attributes.FunctionInfoCount, attributes.FunctionInfoSize) = ((ulong)functions, (uint)debug.Functions.Length, (uint)sizeof(FunctionRecord));
                if (debug.Lines.Length > 0)
                {
                    (attributes.LineInfo, attributes.LineInfoCount, attributes.LineInfoSize) = ((ulong)lines, (uint)debug.Lines.Length, (uint)sizeof(SourceRecord));
                }
            }

            int result = BpfSyscall.Call(BpfCommand.ProgramLoad, ref attributes);

            // The verifier gives up with EAGAIN when a signal is pending, which the runtime's own signals make likely.
            for (int attempt = 0; result == -Errno.EAGAIN && attempt < 5; attempt++)
            {
                result = BpfSyscall.Call(BpfCommand.ProgramLoad, ref attributes);
            }

            log = VerifierLog.FromBuffer(_log);
            return result;
        }
    }

    /// <summary>A copy of the code with indexes of maps and modules replaced by descriptors.</summary>
    private Instruction[] Patch(LinkedProgram program)
    {
        var code = new Instruction[program.Instructions.Length];
        program.Instructions.CopyTo(code);
        for (int slot = 0; slot < code.Length; slot++)
        {
            if (!code[slot].IsWide)
            {
                continue;
            }

            int? kind = code[slot].SourceKind switch
            {
                PseudoLoad.MapIndex => PseudoLoad.MapFd,
                PseudoLoad.MapIndexValue => PseudoLoad.MapValue,
                _ => null,
            };
            if (code[slot].SourceKind == PseudoLoad.BtfId && code[slot + 1].Immediate != 0)
            {
                code[slot + 1] = code[slot + 1].WithImmediate(modules[code[slot + 1].Immediate]);
            }
            else if (kind is { } real)
            {
                code[slot] = code[slot].WithSourceKind(real).WithImmediate(maps[code[slot].Immediate].Handle.Descriptor);
            }

            slot++;
        }

        return code;
    }

    private static void CheckTarget(LinkedProgram program, ReplacedFunction? replaced)
    {
        if (program.Type == ProgramType.Ext && replaced is null)
        {
            throw new KernelException(
                new Diagnostic("OSM5021", $"program '{program.Name}' ({program.Type.ToKernelName()}) names no program to replace a function of")
                {
                    Where = $"program '{program.Name}' (SEC(\"{program.Section.Name}\"))",
                    Why = "programs of this type are verified against a function of a program that is loaded already",
                    Try = "load that program first, and this one with LoadOptions.Targets naming it",
                },
                "bpf(BPF_PROG_LOAD)", Errno.EINVAL);
        }

        if (program.Type is ProgramType.Tracing or ProgramType.Lsm && program.AttachBtfId.IsVoid && replaced is null)
        {
            throw new KernelException(
                new Diagnostic("OSM5021", $"program '{program.Name}' ({program.Type.ToKernelName()}) names nothing to attach to")
                {
                    Where = $"program '{program.Name}' (SEC(\"{program.Section.Name}\"))",
                    Why = "programs of this type are verified against one function or tracepoint of the kernel's types, and none was found when the object was linked",
                    Try = "name it in the section, as in SEC(\"tp_btf/sched_process_exec\"), and link against a kernel that has BTF",
                },
                "bpf(BPF_PROG_LOAD)", Errno.EINVAL);
        }
    }

    private static bool BlamesDebugInfo(VerifierLog log) =>
        log.Message is { } line && (line.Contains("line_info", StringComparison.Ordinal) || line.Contains("func_info", StringComparison.Ordinal));
}
