using Osmia.Bytecode;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Hooks;

/// <summary>A function of the application that programs of a hook call by number: a delegate and how registers become its arguments.</summary>
public abstract unsafe class HookHelper
{
    private protected HookHelper(int id, string name, string result, string arguments, string declaration)
    {
        Definition = Helper.Define(id, name, result, arguments);
        Declaration = declaration;
    }

    /// <summary>What the verifier holds calls against.</summary>
    public Helper Definition { get; }

    /// <summary>How C sees it.</summary>
    internal string Declaration { get; }

    internal abstract ulong Invoke(ExecutionSlot slot, ulong* registers);

    /// <summary>What programs call; the instruction under way tells which helper is meant.</summary>
    internal static ulong Dispatch(ExecutionSlot slot, ulong* registers) => slot.Program.HookType!.HelperOf(slot.State->Current->Offset)!.Invoke(slot, registers);
}
