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
    public int Fire(ref TContext context) => Fire(ref context, Options.OnTrap);

    [SkipLocalsInit]
    internal int Fire(ref TContext context, TrapPolicy onTrap)
    {
        int answer = Options.Next ?? 0;
        if (Chain.Length == 0)
        {
            return answer;
        }

        ExecutionSlot slot = Engine.Slots.Lease();
        try
        {
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
            slot.Return();
        }
    }
}
