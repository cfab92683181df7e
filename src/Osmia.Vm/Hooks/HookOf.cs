using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Osmia.Objects.Diagnostics;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Hooks;

/// <summary>A hook whose events are a <typeparamref name="TContext"/>. Raising an event allocates nothing.</summary>
public sealed class Hook<TContext> : Hook
    where TContext : unmanaged
{
    internal Hook(VmEngine engine, HookType type, HookOptions options)
        : base(engine, type, options)
    {
    }

    /// <summary>Whether a program is attached: lets an application leave out the work of filling a context.</summary>
    public bool IsEnabled => Chain.Length != 0;

    /// <summary>
    /// Runs the attached programs in their order, on the calling thread. What they wrote to writable fields is in <paramref name="context"/> afterwards.
    /// </summary>
    /// <returns>The answer by <see cref="HookOptions.Next"/>: the low 32 bits of r0. <see cref="HookOptions.Next"/>, or 0, when no program decided.</returns>
    /// <exception cref="TrapException">A program was stopped (<see cref="TrapPolicy.Throw"/>).</exception>
    public int Fire(ref TContext context) => Fire(ref context, Options.OnTrap, CancellationToken.None);

    /// <summary>As <see cref="Fire(ref TContext)"/>; the token stops the program under way, and each one behind it that is not done soon, with a trap (OSM6110).</summary>
    /// <param name="cancellation">Needs <see cref="VmMode.Metered"/>; programs loaded as verified end by their proof.</param>
    public int FireCancellable(ref TContext context, CancellationToken cancellation) => Engine.Options.Mode == VmMode.Metered || !cancellation.CanBeCanceled
        ? Fire(ref context, Options.OnTrap, cancellation)
        : throw new ArgumentException($"an event can be cancelled in mode {VmMode.Metered} only, and the engine's is {Engine.Options.Mode}", nameof(cancellation));

    [SkipLocalsInit]
    internal int Fire(ref TContext context, TrapPolicy onTrap, CancellationToken cancellation)
    {
        int answer = Options.Next ?? 0;
        if (Chain.Length == 0)
        {
            return answer;
        }

        ExecutionSlot slot = Engine.Slots.Lease();
        CancellationTokenRegistration registration = default;
        try
        {
            if (cancellation.CanBeCanceled)
            {
                registration = cancellation.UnsafeRegister(static slot => ((ExecutionSlot)slot!).Cancel(), slot);
            }

            // Read after the lease: who detaches or replaces waits for leases taken before.
            HookLink[] chain = Chain;
            slot.PrepareHook(Type);
            ref TContext inside = ref slot.ContextAt<TContext>(0);
            inside = context;
            foreach (HookLink link in chain)
            {
                if (onTrap == TrapPolicy.Throw)
                {
                    answer = link.Run(slot, Options.MeasuresTime);
                }
                else
                {
                    TContext before = inside;
                    if (!link.TryRun(slot, Options.MeasuresTime, out answer))
                    {
                        inside = before;
                        answer = Options.Next ?? 0;
                        continue;
                    }
                }

                if (Options.Next is { } next && answer != next)
                {
                    break;
                }
            }

            context = inside;
            return answer;
        }
        finally
        {
            if (cancellation.CanBeCanceled)
            {
                // Waits for a request under way, which must not reach the slot's next run.
                registration.Dispose();
                slot.AllowToRun();
            }

            slot.Return();
        }
    }
}
