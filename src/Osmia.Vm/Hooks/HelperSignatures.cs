using Osmia.Vm.Execution;

namespace Osmia.Vm.Hooks;

/// <summary>A helper that is handed the event's context.</summary>
public delegate TResult ContextFunction<TContext, TResult>(ref TContext context)
    where TContext : unmanaged;

/// <inheritdoc cref="ContextFunction{TContext, TResult}"/>
public delegate TResult ContextFunction<TContext, T1, TResult>(ref TContext context, T1 first)
    where TContext : unmanaged
    where T1 : allows ref struct;

/// <inheritdoc cref="ContextFunction{TContext, TResult}"/>
public delegate TResult ContextFunction<TContext, T1, T2, TResult>(ref TContext context, T1 first, T2 second)
    where TContext : unmanaged
    where T1 : allows ref struct
    where T2 : allows ref struct;

/// <inheritdoc cref="ContextFunction{TContext, TResult}"/>
public delegate TResult ContextFunction<TContext, T1, T2, T3, TResult>(ref TContext context, T1 first, T2 second, T3 third)
    where TContext : unmanaged
    where T1 : allows ref struct
    where T2 : allows ref struct
    where T3 : allows ref struct;

/// <inheritdoc cref="ContextFunction{TContext, TResult}"/>
public delegate TResult ContextFunction<TContext, T1, T2, T3, T4, TResult>(ref TContext context, T1 first, T2 second, T3 third, T4 fourth)
    where TContext : unmanaged
    where T1 : allows ref struct
    where T2 : allows ref struct
    where T3 : allows ref struct
    where T4 : allows ref struct;

// One class for each shape of delegate; the types decide at compile time how a register is read.
internal sealed unsafe class Helper0<TR>(int id, string name, Func<TR> function)
    : HookHelper(id, name, HelperTypes.Result<TR>(), "", HelperTypes.Declare<TR>(name))
{
    internal override ulong Invoke(ExecutionSlot slot, ulong* registers) => HelperTypes.ToRegister(function());
}

internal sealed unsafe class Helper1<T1, TR>(int id, string name, Func<T1, TR> function)
    : HookHelper(id, name, HelperTypes.Result<TR>(), HelperTypes.Argument<T1>(), HelperTypes.Declare<TR>(name, HelperTypes.C<T1>()))
    where T1 : allows ref struct
{
    internal override ulong Invoke(ExecutionSlot slot, ulong* registers)
    {
        int at = 1;
        return HelperTypes.ToRegister(function(HelperTypes.Read<T1>(slot, registers, ref at)));
    }
}

internal sealed unsafe class Helper2<T1, T2, TR>(int id, string name, Func<T1, T2, TR> function)
    : HookHelper(id, name, HelperTypes.Result<TR>(), HelperTypes.List(HelperTypes.Argument<T1>(), HelperTypes.Argument<T2>()), HelperTypes.Declare<TR>(name, HelperTypes.C<T1>(), HelperTypes.C<T2>()))
    where T1 : allows ref struct
    where T2 : allows ref struct
{
    internal override ulong Invoke(ExecutionSlot slot, ulong* registers)
    {
        int at = 1;
        T1 first = HelperTypes.Read<T1>(slot, registers, ref at);
        return HelperTypes.ToRegister(function(first, HelperTypes.Read<T2>(slot, registers, ref at)));
    }
}

internal sealed unsafe class Helper3<T1, T2, T3, TR>(int id, string name, Func<T1, T2, T3, TR> function)
    : HookHelper(id, name, HelperTypes.Result<TR>(), HelperTypes.List(HelperTypes.Argument<T1>(), HelperTypes.Argument<T2>(), HelperTypes.Argument<T3>()),
        HelperTypes.Declare<TR>(name, HelperTypes.C<T1>(), HelperTypes.C<T2>(), HelperTypes.C<T3>()))
    where T1 : allows ref struct
    where T2 : allows ref struct
    where T3 : allows ref struct
{
    internal override ulong Invoke(ExecutionSlot slot, ulong* registers)
    {
        int at = 1;
        T1 first = HelperTypes.Read<T1>(slot, registers, ref at);
        T2 second = HelperTypes.Read<T2>(slot, registers, ref at);
        return HelperTypes.ToRegister(function(first, second, HelperTypes.Read<T3>(slot, registers, ref at)));
    }
}

internal sealed unsafe class Helper4<T1, T2, T3, T4, TR>(int id, string name, Func<T1, T2, T3, T4, TR> function)
    : HookHelper(id, name, HelperTypes.Result<TR>(), HelperTypes.List(HelperTypes.Argument<T1>(), HelperTypes.Argument<T2>(), HelperTypes.Argument<T3>(), HelperTypes.Argument<T4>()),
        HelperTypes.Declare<TR>(name, HelperTypes.C<T1>(), HelperTypes.C<T2>(), HelperTypes.C<T3>(), HelperTypes.C<T4>()))
    where T1 : allows ref struct
    where T2 : allows ref struct
    where T3 : allows ref struct
    where T4 : allows ref struct
{
    internal override ulong Invoke(ExecutionSlot slot, ulong* registers)
    {
        int at = 1;
        T1 first = HelperTypes.Read<T1>(slot, registers, ref at);
        T2 second = HelperTypes.Read<T2>(slot, registers, ref at);
        T3 third = HelperTypes.Read<T3>(slot, registers, ref at);
        return HelperTypes.ToRegister(function(first, second, third, HelperTypes.Read<T4>(slot, registers, ref at)));
    }
}

// Five registers hold five numbers and no span.
internal sealed unsafe class Helper5<T1, T2, T3, T4, T5, TR>(int id, string name, Func<T1, T2, T3, T4, T5, TR> function)
    : HookHelper(id, name, HelperTypes.Result<TR>(),
        HelperTypes.List(HelperTypes.Argument<T1>(), HelperTypes.Argument<T2>(), HelperTypes.Argument<T3>(), HelperTypes.Argument<T4>(), HelperTypes.Argument<T5>()),
        HelperTypes.Declare<TR>(name, HelperTypes.C<T1>(), HelperTypes.C<T2>(), HelperTypes.C<T3>(), HelperTypes.C<T4>(), HelperTypes.C<T5>()))
{
    internal override ulong Invoke(ExecutionSlot slot, ulong* registers)
    {
        int at = 1;
        T1 first = HelperTypes.Read<T1>(slot, registers, ref at);
        T2 second = HelperTypes.Read<T2>(slot, registers, ref at);
        T3 third = HelperTypes.Read<T3>(slot, registers, ref at);
        T4 fourth = HelperTypes.Read<T4>(slot, registers, ref at);
        return HelperTypes.ToRegister(function(first, second, third, fourth, HelperTypes.Read<T5>(slot, registers, ref at)));
    }
}

internal sealed unsafe class ContextHelper0<TContext, TR>(int id, string name, string context, ContextFunction<TContext, TR> function)
    : HookHelper(id, name, HelperTypes.Result<TR>(), "ctx", HelperTypes.Declare<TR>(name, context))
    where TContext : unmanaged
{
    internal override ulong Invoke(ExecutionSlot slot, ulong* registers) => HelperTypes.ToRegister(function(ref HelperTypes.Context<TContext>(slot)));
}

internal sealed unsafe class ContextHelper1<TContext, T1, TR>(int id, string name, string context, ContextFunction<TContext, T1, TR> function)
    : HookHelper(id, name, HelperTypes.Result<TR>(), HelperTypes.List("ctx", HelperTypes.Argument<T1>()), HelperTypes.Declare<TR>(name, context, HelperTypes.C<T1>()))
    where TContext : unmanaged
    where T1 : allows ref struct
{
    internal override ulong Invoke(ExecutionSlot slot, ulong* registers)
    {
        int at = 2;
        ref TContext context = ref HelperTypes.Context<TContext>(slot);
        return HelperTypes.ToRegister(function(ref context, HelperTypes.Read<T1>(slot, registers, ref at)));
    }
}

internal sealed unsafe class ContextHelper2<TContext, T1, T2, TR>(int id, string name, string context, ContextFunction<TContext, T1, T2, TR> function)
    : HookHelper(id, name, HelperTypes.Result<TR>(), HelperTypes.List("ctx", HelperTypes.Argument<T1>(), HelperTypes.Argument<T2>()),
        HelperTypes.Declare<TR>(name, context, HelperTypes.C<T1>(), HelperTypes.C<T2>()))
    where TContext : unmanaged
    where T1 : allows ref struct
    where T2 : allows ref struct
{
    internal override ulong Invoke(ExecutionSlot slot, ulong* registers)
    {
        int at = 2;
        ref TContext context = ref HelperTypes.Context<TContext>(slot);
        T1 first = HelperTypes.Read<T1>(slot, registers, ref at);
        return HelperTypes.ToRegister(function(ref context, first, HelperTypes.Read<T2>(slot, registers, ref at)));
    }
}

internal sealed unsafe class ContextHelper3<TContext, T1, T2, T3, TR>(int id, string name, string context, ContextFunction<TContext, T1, T2, T3, TR> function)
    : HookHelper(id, name, HelperTypes.Result<TR>(), HelperTypes.List("ctx", HelperTypes.Argument<T1>(), HelperTypes.Argument<T2>(), HelperTypes.Argument<T3>()),
        HelperTypes.Declare<TR>(name, context, HelperTypes.C<T1>(), HelperTypes.C<T2>(), HelperTypes.C<T3>()))
    where TContext : unmanaged
    where T1 : allows ref struct
    where T2 : allows ref struct
    where T3 : allows ref struct
{
    internal override ulong Invoke(ExecutionSlot slot, ulong* registers)
    {
        int at = 2;
        ref TContext context = ref HelperTypes.Context<TContext>(slot);
        T1 first = HelperTypes.Read<T1>(slot, registers, ref at);
        T2 second = HelperTypes.Read<T2>(slot, registers, ref at);
        return HelperTypes.ToRegister(function(ref context, first, second, HelperTypes.Read<T3>(slot, registers, ref at)));
    }
}

internal sealed unsafe class ContextHelper4<TContext, T1, T2, T3, T4, TR>(int id, string name, string context, ContextFunction<TContext, T1, T2, T3, T4, TR> function)
    : HookHelper(id, name, HelperTypes.Result<TR>(), HelperTypes.List("ctx", HelperTypes.Argument<T1>(), HelperTypes.Argument<T2>(), HelperTypes.Argument<T3>(), HelperTypes.Argument<T4>()),
        HelperTypes.Declare<TR>(name, context, HelperTypes.C<T1>(), HelperTypes.C<T2>(), HelperTypes.C<T3>(), HelperTypes.C<T4>()))
    where TContext : unmanaged
    where T1 : allows ref struct
    where T2 : allows ref struct
    where T3 : allows ref struct
    where T4 : allows ref struct
{
    internal override ulong Invoke(ExecutionSlot slot, ulong* registers)
    {
        int at = 2;
        ref TContext context = ref HelperTypes.Context<TContext>(slot);
        T1 first = HelperTypes.Read<T1>(slot, registers, ref at);
        T2 second = HelperTypes.Read<T2>(slot, registers, ref at);
        T3 third = HelperTypes.Read<T3>(slot, registers, ref at);
        return HelperTypes.ToRegister(function(ref context, first, second, third, HelperTypes.Read<T4>(slot, registers, ref at)));
    }
}
