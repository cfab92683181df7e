using System.Reflection;
using System.Reflection.Emit;

namespace Osmia.Vm.Compilation;

/// <summary>Writes IL and counts what the runtime's compiler counts before it decides whether to optimise.</summary>
/// <param name="log">Takes what is written as text, for people; null writes none.</param>
internal sealed class IlWriter(ILGenerator il, IlLog? log = null)
{
    private int _lastStart;

    /// <summary>What is written from here on is of this slot; -1 for a function's beginning.</summary>
    public void At(int slot, bool isAside) => log?.At(slot, isAside);

    /// <summary>Instructions written.</summary>
    public int Instructions { get; private set; }

    /// <summary>Basic blocks: places that are jumped to, or come after a jump.</summary>
    public int Blocks { get; private set; } = 1;

    public int Locals { get; private set; }

    public int LocalReferences { get; private set; }

    public int Size => il.ILOffset;

    public LocalBuilder Local(Type type)
    {
        Locals++;
        return il.DeclareLocal(type);
    }

    public Label Label() => il.DefineLabel();

    public void Mark(Label label)
    {
        Begin();
        log?.Write($"L{label.Id}:");
        il.MarkLabel(label);
    }

    public void Emit(OpCode code)
    {
        Instructions++;
        log?.Write(code.Name!);
        il.Emit(code);
    }

    public void Branch(OpCode code, Label target)
    {
        Instructions++;
        log?.Write($"{code.Name} L{target.Id}");
        il.Emit(code, target);
        Begin();
    }

    // Offsets only grow.
    private void Begin()
    {
        if (il.ILOffset != _lastStart)
        {
            _lastStart = il.ILOffset;
            Blocks++;
        }
    }

    public void Call(MethodInfo method)
    {
        Instructions++;
        log?.Write($"call {method.DeclaringType?.Name}{(method.DeclaringType is null ? "" : "::")}{method.Name}");
        il.Emit(OpCodes.Call, method);
    }

    public void LoadField(FieldInfo field)
    {
        Instructions++;
        log?.Write($"ldfld {field.DeclaringType?.Name}::{field.Name}");
        il.Emit(OpCodes.Ldfld, field);
    }

    public void CallHelper()
    {
        Instructions++;
        log?.Write("calli helper");
        il.EmitCalli(OpCodes.Calli, CallingConventions.Standard, typeof(ulong), [typeof(Execution.ExecutionSlot), typeof(nint)], null);
    }

    public void Load(LocalBuilder local)
    {
        Instructions++;
        LocalReferences++;
        log?.Write($"ldloc V{local.LocalIndex}");
        il.Emit(OpCodes.Ldloc, local);
    }

    public void Store(LocalBuilder local)
    {
        Instructions++;
        LocalReferences++;
        log?.Write($"stloc V{local.LocalIndex}");
        il.Emit(OpCodes.Stloc, local);
    }

    public void Argument(int index)
    {
        Instructions++;
        LocalReferences++;
        log?.Write($"ldarg {index}");
        switch (index)
        {
            case 0:
                il.Emit(OpCodes.Ldarg_0);
                break;
            case 1:
                il.Emit(OpCodes.Ldarg_1);
                break;
            case 2:
                il.Emit(OpCodes.Ldarg_2);
                break;
            case 3:
                il.Emit(OpCodes.Ldarg_3);
                break;
            default:
                il.Emit(OpCodes.Ldarg_S, (byte)index);
                break;
        }
    }

    public void Constant32(uint value)
    {
        Instructions++;
        log?.Write($"ldc.i4 {(int)value}");
        switch ((int)value)
        {
            case 0:
                il.Emit(OpCodes.Ldc_I4_0);
                break;
            case 1:
                il.Emit(OpCodes.Ldc_I4_1);
                break;
            case >= sbyte.MinValue and <= sbyte.MaxValue:
                il.Emit(OpCodes.Ldc_I4_S, (sbyte)value);
                break;
            default:
                il.Emit(OpCodes.Ldc_I4, (int)value);
                break;
        }
    }

    public void Constant64(ulong value)
    {
        if ((long)value is >= int.MinValue and <= int.MaxValue)
        {
            Constant32((uint)value);
            Emit(OpCodes.Conv_I8);
            return;
        }

        Instructions++;
        log?.Write($"ldc.i8 0x{value:x}");
        il.Emit(OpCodes.Ldc_I8, (long)value);
    }
}
