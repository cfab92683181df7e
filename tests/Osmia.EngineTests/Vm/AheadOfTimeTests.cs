using System.Numerics;
using System.Reflection;
using Osmia.Vm.Execution;
using Osmia.Vm.Helpers;

namespace Osmia.Tests.Vm;

/// <summary>What may be compiled before the process starts.</summary>
public sealed class AheadOfTimeTests
{
    private static readonly HashSet<Type> s_leftOut = [typeof(UInt128), typeof(Int128), typeof(Vector<>)];

    /// <summary>A type that holds one of these is passed in a way that is only fixed at run time, and no method that takes it is compiled ahead of time.</summary>
    [Fact]
    public void The_slot_holds_nothing_that_keeps_the_interpreter_from_being_compiled_ahead_of_time()
    {
        var seen = new HashSet<Type>();
        string found = string.Join(", ", Fields(typeof(ExecutionSlot)).Where(field => LeavesOut(field.FieldType, seen)).Select(field => field.Name));

        Assert.Contains(typeof(TunnelAddress), seen);
        Assert.Equal("", found);
    }

    private static bool LeavesOut(Type type, HashSet<Type> seen) =>
        type is { IsValueType: true, IsPrimitive: false, IsEnum: false }
        && (s_leftOut.Contains(type.IsGenericType ? type.GetGenericTypeDefinition() : type) || (seen.Add(type) && Fields(type).Any(field => LeavesOut(field.FieldType, seen))));

    private static FieldInfo[] Fields(Type type) => type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
}
