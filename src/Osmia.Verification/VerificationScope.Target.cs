using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.Walk;

namespace Osmia.Verification;

// What the target has: its kernel's age, what it was built with, what an application added.
internal sealed partial class VerificationScope
{
    // Functions of which the kernel knows that nobody renames what their argument leads to.
    private static readonly string[] s_stablePaths =
    [
        "security_file_permission", "security_inode_getattr", "security_file_open", "security_path_truncate", "vfs_truncate", "vfs_fallocate", "dentry_open", "vfs_getattr",
        "filp_close",
    ];

    private readonly TargetProgramType? _own;

    /// <summary>A rule of a kernel holds when nothing is known of the target's age.</summary>
    public bool IsAtLeast(int major, int minor) => Target?.Release is not { } release || release >= new KernelVersion(major, minor);

    /// <summary>The helper of a number and the signature this program gets.</summary>
    public (Helper Helper, HelperSignature Signature) HelperFor(int id)
    {
        if (_own is { } own)
        {
            return OwnHelper(own, id);
        }

        Helper helper = HelperTable.Find(id) ?? throw Stop.Reject(CheckFamily.Allowance, $"there is no helper {id}");
        HelperSignature signature = helper.SignatureFor(Type, AttachType) is { } found && MeetsCondition(found)
            ? found
            : throw Stop.Reject(CheckFamily.Allowance, $"{Type.ToKernelName()} programs cannot call bpf_{helper.Name}");
        RequireOnTarget(helper, Type);
        return (helper, signature);
    }

    /// <summary>The target must have the program's type, its maps and every kind of instruction in it, used or not.</summary>
    /// <param name="at">Told the slot before it is looked at.</param>
    public void RequireTarget(LinkedProgram program, Action<int> at)
    {
        if (Target?.Release is not { } release)
        {
            return;
        }

        string name = $"Linux {release}";
        if (ProgramTypeTable.Find(Type) is { } type && type.Since > release)
        {
            throw Stop.Reject(CheckFamily.Allowance, $"{Type.ToKernelName()} programs are in Linux since {type.Since}; the target is {name}");
        }

        if (AttachType is { } attach && AttachTypeTable.Since(attach) is { } attachSince && attachSince > release)
        {
            throw Stop.Reject(CheckFamily.Allowance, $"attach type {attach.ToKernelName()} is in Linux since {attachSince}; the target is {name}");
        }

        ReadOnlySpan<Instruction> code = program.Instructions.AsSpan();
        for (int slot = 0; slot < code.Length; slot++)
        {
            at(slot);
            if (InstructionFeature.Of(code[slot]) is { } feature && feature.Since > release)
            {
                throw Stop.Reject(CheckFamily.Allowance, $"{feature.Name}: in Linux since {feature.Since}; the target is {name}");
            }

            if (code[slot].IsWide && code[slot].SourceKind is PseudoLoad.MapIndex or PseudoLoad.MapIndexValue && (uint)code[slot].Immediate < (uint)_mapCount)
            {
                LinkedMap map = Maps[code[slot].Immediate];
                if (MapTypeTable.Since(map.Type) is { } mapSince && mapSince > release)
                {
                    throw Stop.Reject(CheckFamily.Allowance, $"map '{map.Name}' is of type {map.Type.ToKernelName()}, in Linux since {mapSince}; the target is {name}");
                }
            }

            slot += code[slot].IsWide ? 1 : 0;
        }

        at(0);
    }

    private (Helper Helper, HelperSignature Signature) OwnHelper(TargetProgramType own, int id)
    {
        if (own.Helpers.FirstOrDefault(helper => (int)helper.Id == id) is { } defined)
        {
            return (defined, defined.Signatures[0]);
        }

        Helper helper = HelperTable.Find(id) ?? throw Stop.Reject(CheckFamily.Allowance, $"'{own.Section}' programs have no helper {id}");
        HelperSignature signature = own.HelpersOf is { } like && helper.SignatureFor(like) is { } found
            ? found
            : throw Stop.Reject(CheckFamily.Allowance, $"'{own.Section}' programs cannot call bpf_{helper.Name}");
        RequireOnTarget(helper, own.HelpersOf.Value);
        return (helper, signature);
    }

    private void RequireOnTarget(Helper helper, ProgramType type)
    {
        if (Target?.Release is { } release && helper.Since > release)
        {
            throw Stop.Reject(CheckFamily.Allowance, $"bpf_{helper.Name} is in Linux since {helper.Since}; the target is Linux {release}");
        }

        if (Target?.LackOf?.Invoke(helper, type) is { } reason)
        {
            throw Stop.Reject(CheckFamily.Allowance, $"the target has no bpf_{helper.Name}: {reason}");
        }
    }

    /// <summary>Some helpers depend on what a program is attached to and not on its type alone; the table says so in words.</summary>
    private bool MeetsCondition(HelperSignature signature)
    {
        string remark = signature.CallerFor(Type, AttachType)!.Remark;
        return remark switch
        {
            "" => true,
            "of tcp_congestion_ops" => TypedContext.Callbacks == "tcp_congestion_ops",
            "of tcp_congestion_ops, but not its release" => TypedContext.Callbacks == "tcp_congestion_ops" && TypedContext.Hook != "release",
            "of tcp and udp" => TypedContext.Hook is "tcp" or "udp",
            "not of functions that begin with bpf_sk_storage" => !TypedContext.Hook.StartsWith("bpf_sk_storage", StringComparison.Ordinal),
            "of functions where the path is stable" => AttachType == Bytecode.AttachType.TraceIter || Array.IndexOf(s_stablePaths, TypedContext.Hook) >= 0,
            _ => true,
        };
    }
}
