using System.Diagnostics.CodeAnalysis;

namespace Osmia.Vm.Hooks;

/// <summary>A hook whose programs are handed a <typeparamref name="TContext"/>: a blittable struct of at most 4096 bytes.</summary>
/// <remarks>
/// Helpers are delegates: their C# types are their signature, for the verifier too. Numbers of up to 64 bits take a register, a span of bytes takes
/// two (address and length) and is checked to be the program's before the delegate sees it. Delegates run on the thread of the event, may be called by
/// several threads at once, and are valid as long as an engine has the type. What a delegate throws stops the program with a trap.
/// </remarks>
public sealed class HookType<[DynamicallyAccessedMembers(HookContext.Fields)] TContext> : HookType
    where TContext : unmanaged
{
    private static readonly string s_context = $"struct {typeof(TContext).Name} *context";

    /// <param name="section">The section of its programs in an object: <c>SEC("SECTION")</c> or <c>SEC("SECTION/NAME")</c>.</param>
    /// <exception cref="ArgumentException">The struct cannot be a context, or the section means something to the kernel's loaders.</exception>
    public HookType(string section)
        : base(section, HookContext.LayoutOf<TContext>(typeof(TContext).Name))
    {
    }

    /// <summary>Adds a helper, whose number is one more than that of the helper before.</summary>
    /// <exception cref="ArgumentException">A type is none that a register holds, or the arguments need more than five registers.</exception>
    public HookType<TContext> Helper<TResult>(string name, Func<TResult> function) => With(new Helper0<TResult>(NextHelperId, name, function));

    /// <inheritdoc cref="Helper{TResult}(string, Func{TResult})"/>
    public HookType<TContext> Helper<T1, TResult>(string name, Func<T1, TResult> function)
        where T1 : allows ref struct => With(new Helper1<T1, TResult>(NextHelperId, name, function));

    /// <inheritdoc cref="Helper{TResult}(string, Func{TResult})"/>
    public HookType<TContext> Helper<T1, T2, TResult>(string name, Func<T1, T2, TResult> function)
        where T1 : allows ref struct
        where T2 : allows ref struct => With(new Helper2<T1, T2, TResult>(NextHelperId, name, function));

    /// <inheritdoc cref="Helper{TResult}(string, Func{TResult})"/>
    public HookType<TContext> Helper<T1, T2, T3, TResult>(string name, Func<T1, T2, T3, TResult> function)
        where T1 : allows ref struct
        where T2 : allows ref struct
        where T3 : allows ref struct => With(new Helper3<T1, T2, T3, TResult>(NextHelperId, name, function));

    /// <inheritdoc cref="Helper{TResult}(string, Func{TResult})"/>
    public HookType<TContext> Helper<T1, T2, T3, T4, TResult>(string name, Func<T1, T2, T3, T4, TResult> function)
        where T1 : allows ref struct
        where T2 : allows ref struct
        where T3 : allows ref struct
        where T4 : allows ref struct => With(new Helper4<T1, T2, T3, T4, TResult>(NextHelperId, name, function));

    /// <inheritdoc cref="Helper{TResult}(string, Func{TResult})"/>
    public HookType<TContext> Helper<T1, T2, T3, T4, T5, TResult>(string name, Func<T1, T2, T3, T4, T5, TResult> function) =>
        With(new Helper5<T1, T2, T3, T4, T5, TResult>(NextHelperId, name, function));

    /// <inheritdoc cref="Helper{TResult}(string, Func{TResult})"/>
    public HookType<TContext> Helper(string name, Action function) => With(new Helper0<HelperTypes.Nothing>(NextHelperId, name, () =>
    {
        function();
        return default;
    }));

    /// <inheritdoc cref="Helper{TResult}(string, Func{TResult})"/>
    public HookType<TContext> Helper<T1>(string name, Action<T1> function)
        where T1 : allows ref struct => With(new Helper1<T1, HelperTypes.Nothing>(NextHelperId, name, first =>
        {
            function(first);
            return default;
        }));

    /// <inheritdoc cref="Helper{TResult}(string, Func{TResult})"/>
    public HookType<TContext> Helper<T1, T2>(string name, Action<T1, T2> function)
        where T1 : allows ref struct
        where T2 : allows ref struct => With(new Helper2<T1, T2, HelperTypes.Nothing>(NextHelperId, name, (first, second) =>
        {
            function(first, second);
            return default;
        }));

    /// <inheritdoc cref="Helper{TResult}(string, Func{TResult})"/>
    public HookType<TContext> Helper<T1, T2, T3>(string name, Action<T1, T2, T3> function)
        where T1 : allows ref struct
        where T2 : allows ref struct
        where T3 : allows ref struct => With(new Helper3<T1, T2, T3, HelperTypes.Nothing>(NextHelperId, name, (first, second, third) =>
        {
            function(first, second, third);
            return default;
        }));

    /// <summary>Adds a helper that is handed the event's context by reference: <c>(ref TContext context) => ...</c>; it may write fields that programs may not.</summary>
    /// <exception cref="ArgumentException">A type is none that a register holds, or the arguments need more than five registers.</exception>
    public HookType<TContext> ContextHelper<TResult>(string name, ContextFunction<TContext, TResult> function) =>
        With(new ContextHelper0<TContext, TResult>(NextHelperId, name, s_context, function));

    /// <inheritdoc cref="ContextHelper{TResult}(string, ContextFunction{TContext, TResult})"/>
    public HookType<TContext> ContextHelper<T1, TResult>(string name, ContextFunction<TContext, T1, TResult> function)
        where T1 : allows ref struct => With(new ContextHelper1<TContext, T1, TResult>(NextHelperId, name, s_context, function));

    /// <inheritdoc cref="ContextHelper{TResult}(string, ContextFunction{TContext, TResult})"/>
    public HookType<TContext> ContextHelper<T1, T2, TResult>(string name, ContextFunction<TContext, T1, T2, TResult> function)
        where T1 : allows ref struct
        where T2 : allows ref struct => With(new ContextHelper2<TContext, T1, T2, TResult>(NextHelperId, name, s_context, function));

    /// <inheritdoc cref="ContextHelper{TResult}(string, ContextFunction{TContext, TResult})"/>
    public HookType<TContext> ContextHelper<T1, T2, T3, TResult>(string name, ContextFunction<TContext, T1, T2, T3, TResult> function)
        where T1 : allows ref struct
        where T2 : allows ref struct
        where T3 : allows ref struct => With(new ContextHelper3<TContext, T1, T2, T3, TResult>(NextHelperId, name, s_context, function));

    /// <inheritdoc cref="ContextHelper{TResult}(string, ContextFunction{TContext, TResult})"/>
    public HookType<TContext> ContextHelper<T1, T2, T3, T4, TResult>(string name, ContextFunction<TContext, T1, T2, T3, T4, TResult> function)
        where T1 : allows ref struct
        where T2 : allows ref struct
        where T3 : allows ref struct
        where T4 : allows ref struct => With(new ContextHelper4<TContext, T1, T2, T3, T4, TResult>(NextHelperId, name, s_context, function));

    private HookType<TContext> With(HookHelper helper)
    {
        Add(helper);
        return this;
    }
}
