namespace Osmia.Bytecode;

/// <summary>What else is to be known of a helper.</summary>
[Flags]
public enum HelperTraits
{
    None = 0,

    /// <summary>Only programs with a GPL-compatible license may call it.</summary>
    GplOnly = 1,

    /// <summary>Its memory arguments may point into the packet.</summary>
    TakesPacketMemory = 1 << 1,

    /// <summary>It may sleep: only sleepable programs call it, outside of locks and RCU sections.</summary>
    MaySleep = 1 << 2,

    /// <summary>It leaves r1 to r5 alone where the JIT inlines it, so a compiler's spills around it may be dropped (6.12).</summary>
    FastCall = 1 << 3,

    /// <summary>It may change or move the packet: pointers into it end with the call (of tail_call, for the callers of the function that makes it).</summary>
    ChangesPacket = 1 << 4,

    /// <summary>Its result must be released.</summary>
    AcquiresReference = 1 << 5,

    /// <summary>Its result is the argument seen as another type and shares its reference.</summary>
    CastsPointer = 1 << 6,

    /// <summary>It calls its callback before it returns.</summary>
    CallsCallback = 1 << 7,

    /// <summary>Its callback runs later, on its own.</summary>
    DefersCallback = 1 << 8,

    /// <summary>The loader needs CAP_BPF (or a token that grants it) besides what the program type asks for.</summary>
    NeedsBpf = 1 << 9,

    /// <summary>The loader needs CAP_PERFMON besides what the program type asks for.</summary>
    NeedsPerfmon = 1 << 10,

    /// <summary>The loader needs CAP_SYS_ADMIN.</summary>
    NeedsSysAdmin = 1 << 11,
}

/// <summary>A program type that may call a helper.</summary>
/// <param name="AttachTypes">The expected attach types it is limited to; empty when any will do.</param>
/// <param name="Remark">What else it depends on, which a program's types do not say; empty when nothing does.</param>
public sealed record HelperCaller(ProgramType Type, IReadOnlyList<AttachType> AttachTypes, string Remark)
{
    /// <param name="attachType">Null when it is not known: any of the caller's attach types will then do.</param>
    public bool Covers(ProgramType type, AttachType? attachType) =>
        type == Type && (AttachTypes.Count == 0 || attachType is null || AttachTypes.Contains(attachType.Value));
}

/// <summary>One signature of a helper and the programs that get it.</summary>
/// <param name="Arguments">The arguments in r1 to r5.</param>
public sealed record HelperSignature(HelperReturn Return, IReadOnlyList<HelperArgument> Arguments, HelperTraits Traits, IReadOnlyList<HelperCaller> Callers)
{
    public bool IsGplOnly => (Traits & HelperTraits.GplOnly) != 0;

    public HelperCaller? CallerFor(ProgramType type, AttachType? attachType = null)
    {
        foreach (HelperCaller caller in Callers)
        {
            if (caller.Covers(type, attachType))
            {
                return caller;
            }
        }

        return null;
    }
}

/// <summary>A row of <see cref="HelperTable"/>.</summary>
/// <param name="Name">The C name without <c>bpf_</c>.</param>
/// <param name="Since">The first kernel that has it, for some program type; others may have got it later.</param>
/// <param name="Signatures">More than one where the signature depends on the caller; the first that covers the caller holds.</param>
public sealed record Helper(HelperId Id, string Name, KernelVersion Since, IReadOnlyList<HelperSignature> Signatures)
{
    /// <summary>Numbers below are the kernel's, today's and tomorrow's.</summary>
    public const int FirstOwnId = 0x10000;

    private const int MaximumArguments = 5;

    /// <summary>A helper of an application's own, for the program types it adds to a target (<c>TargetProgramType</c>).</summary>
    /// <param name="id">The number programs call it by; none of the kernel's, which are below <see cref="FirstOwnId"/>.</param>
    /// <param name="result">What it leaves in r0, in the words of <see cref="HelperTable"/>: <c>int</c>, <c>void</c>, <c>value?</c>, ...</param>
    /// <param name="arguments">In the same words, separated by commas: <c>ctx, in mem, size</c>; at most five.</param>
    /// <exception cref="InvalidOperationException">A word is not one of the table's.</exception>
    public static Helper Define(int id, string name, string result, string arguments)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(id, FirstOwnId);
        string[] words = arguments.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(words.Length, MaximumArguments, nameof(arguments));
        var signature = new HelperSignature(HelperReturn.Parse(result), [.. words.Select(word => HelperArgument.Parse(word))], HelperTraits.None, []);
        return new Helper((HelperId)id, name, default, [signature]);
    }

    /// <summary>The signature a program gets, or null when programs of that type cannot call the helper.</summary>
    /// <param name="attachType">The expected attach type; null when it is not known.</param>
    public HelperSignature? SignatureFor(ProgramType type, AttachType? attachType = null)
    {
        foreach (HelperSignature signature in Signatures)
        {
            if (signature.CallerFor(type, attachType) is not null)
            {
                return signature;
            }
        }

        return null;
    }
}
