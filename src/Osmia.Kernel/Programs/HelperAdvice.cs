using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Kernel.Programs;

/// <summary>Why the verifier refused a call as such, by the helper table: another program type, another attach type, a newer kernel, a capability.</summary>
internal static class HelperAdvice
{
    private const int MostNames = 8;

    // Linux 6.x and what came before it.
    private static readonly string[] s_messages = ["cannot use helper", "unknown func", "invalid func", "helper call is not allowed in probe"];

    /// <summary>Nulls when the message is of something else, or the helper newer than the table.</summary>
    public static (string? Why, string? Remedy) For(LinkedProgram program, int? slot, string? message)
    {
        if (slot is not { } known || message is null || !Array.Exists(s_messages, part => message.Contains(part, StringComparison.Ordinal))
            || program.Instructions[known] is not { IsHelperCall: true } call || HelperTable.Find(call.Immediate) is not { } helper)
        {
            return (null, null);
        }

        string name = HelperTable.NameOf((int)helper.Id);
        string type = program.Type.ToKernelName();
        if (helper.SignatureFor(program.Type, program.AttachType) is { } signature)
        {
            HelperCaller caller = signature.CallerFor(program.Type, program.AttachType)!;
            string condition = caller.Remark.Length == 0 ? "" : $" {caller.Remark}";
            string? capability = signature.Traits.HasFlag(HelperTraits.NeedsSysAdmin) ? "CAP_SYS_ADMIN" : signature.Traits.HasFlag(HelperTraits.NeedsPerfmon) ? "CAP_PERFMON" : null;
            return ($"{type} programs{condition} have {name} from Linux {helper.Since} on, later in some types{(capability is null ? "" : $", with {capability}")}; a kernel that is locked down or built without its part has it not",
                $"use a newer kernel{(capability is null ? "" : $", load with {capability}")}, or another helper");
        }

        HelperCaller[] sameType = [.. helper.Signatures.SelectMany(row => row.Callers).Where(caller => caller.Type == program.Type)];
        if (sameType.Length > 0)
        {
            return ($"{type} programs have {name} only for {string.Join(", ", sameType.SelectMany(caller => caller.AttachTypes).Select(attach => attach.ToKernelName()))}",
                "use another attach type (SEC(...)), or another helper");
        }

        string[] types = [.. helper.Signatures.SelectMany(row => row.Callers).Select(caller => caller.Type.ToKernelName()).Distinct()];
        string listed = string.Join(", ", types.Take(MostNames)) + (types.Length > MostNames ? $" and {types.Length - MostNames} other types" : "");
        return ($"{name} is for {listed}, not for {type} programs", "use another helper or another program type");
    }
}
