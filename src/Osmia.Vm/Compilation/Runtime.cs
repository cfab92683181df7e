using System.Buffers.Binary;
using System.Numerics;
using System.Reflection;
using Osmia.Vm.Execution;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Compilation;

/// <summary>The methods that compiled code calls.</summary>
internal static unsafe class Runtime
{
    private const BindingFlags Any = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    public static readonly MethodInfo CpuIndex = typeof(ExecutionSlot).GetProperty(nameof(ExecutionSlot.Index))!.GetMethod!;
    public static readonly FieldInfo MapMemory = typeof(VmMap).GetField("_memory", Any)!;
    public static readonly MethodInfo HashLookup = typeof(HashMap).GetMethod(nameof(HashMap.LookupAddress), Any)!;
    public static readonly MethodInfo PrefixLookup = typeof(LpmTrieMap).GetMethod(nameof(LpmTrieMap.LookupAddress), Any)!;
    public static readonly MethodInfo Resume = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.Resume), Any)!;
    public static readonly MethodInfo Refuel = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.Refuel), Any)!;
    public static readonly MethodInfo LoadMiss = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.LoadMiss), Any)!;
    public static readonly MethodInfo StoreMiss = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.StoreMiss), Any)!;
    public static readonly MethodInfo AtomicMiss = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.AtomicMiss), Any)!;
    public static readonly MethodInfo EnterCall = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.EnterCall), Any)!;
    public static readonly MethodInfo LeaveCall = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.LeaveCall), Any)!;
    public static readonly MethodInfo TailCall = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.TailCallFromCompiled), Any)!;
    public static readonly MethodInfo PacketLoad = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.PacketLoadFromCompiled), Any)!;
    public static readonly MethodInfo CallRegister = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.CallRegister), Any)!;
    public static readonly MethodInfo Unresolved = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.ReachUnresolved), Any)!;
    public static readonly MethodInfo MayGo = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.MayGo), Any)!;
    public static readonly MethodInfo IsInValue = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.IsInValue), Any)!;
    public static readonly MethodInfo IsInValueWritable = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.IsInValueWritable), Any)!;
    public static readonly MethodInfo Element = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.Element), Any)!;

    public static readonly MethodInfo Divide32 = ((Func<uint, uint, uint>)Arithmetic.Divide).Method;
    public static readonly MethodInfo Divide64 = ((Func<ulong, ulong, ulong>)Arithmetic.Divide).Method;
    public static readonly MethodInfo Modulo32 = ((Func<uint, uint, uint>)Arithmetic.Modulo).Method;
    public static readonly MethodInfo Modulo64 = ((Func<ulong, ulong, ulong>)Arithmetic.Modulo).Method;
    public static readonly MethodInfo SignedDivide32 = ((Func<int, int, int>)Arithmetic.SignedDivide).Method;
    public static readonly MethodInfo SignedDivide64 = ((Func<long, long, long>)Arithmetic.SignedDivide).Method;
    public static readonly MethodInfo SignedModulo32 = ((Func<int, int, int>)Arithmetic.SignedModulo).Method;
    public static readonly MethodInfo SignedModulo64 = ((Func<long, long, long>)Arithmetic.SignedModulo).Method;
    public static readonly MethodInfo Rotate32 = ((Func<uint, int, uint>)BitOperations.RotateLeft).Method;
    public static readonly MethodInfo Rotate64 = ((Func<ulong, int, ulong>)BitOperations.RotateLeft).Method;
    public static readonly MethodInfo Swap16 = ((Func<ushort, ushort>)BinaryPrimitives.ReverseEndianness).Method;
    public static readonly MethodInfo Swap32 = ((Func<uint, uint>)BinaryPrimitives.ReverseEndianness).Method;
    public static readonly MethodInfo Swap64 = ((Func<ulong, ulong>)BinaryPrimitives.ReverseEndianness).Method;

    public static readonly MethodInfo CountOnes32 = ((Func<uint, int>)BitOperations.PopCount).Method;
    public static readonly MethodInfo CountOnes64 = ((Func<ulong, int>)BitOperations.PopCount).Method;
    public static readonly MethodInfo RunWords = typeof(ExecutionSlot).GetMethod(nameof(ExecutionSlot.RunWords), Any)!;

    private static AtomicMethod FindAtomic(Op op) => op switch
    {
        Op.AtomicAdd32 => new(((Action<ulong, uint>)Atomics.Add).Method, false, false),
        Op.AtomicOr32 => new(((Action<ulong, uint>)Atomics.Or).Method, false, false),
        Op.AtomicAnd32 => new(((Action<ulong, uint>)Atomics.And).Method, false, false),
        Op.AtomicXor32 => new(((Action<ulong, uint>)Atomics.Xor).Method, false, false),
        Op.AtomicAdd64 => new(((Action<ulong, ulong>)Atomics.Add).Method, false, true),
        Op.AtomicOr64 => new(((Action<ulong, ulong>)Atomics.Or).Method, false, true),
        Op.AtomicAnd64 => new(((Action<ulong, ulong>)Atomics.And).Method, false, true),
        Op.AtomicXor64 => new(((Action<ulong, ulong>)Atomics.Xor).Method, false, true),
        Op.AtomicFetchAdd32 => new(((Func<ulong, uint, uint>)Atomics.FetchAdd).Method, true, false),
        Op.AtomicFetchOr32 => new(((Func<ulong, uint, uint>)Atomics.FetchOr).Method, true, false),
        Op.AtomicFetchAnd32 => new(((Func<ulong, uint, uint>)Atomics.FetchAnd).Method, true, false),
        Op.AtomicFetchXor32 => new(((Func<ulong, uint, uint>)Atomics.FetchXor).Method, true, false),
        Op.AtomicExchange32 => new(((Func<ulong, uint, uint>)Atomics.Exchange).Method, true, false),
        Op.AtomicCompareExchange32 => new(((Func<ulong, uint, uint, uint>)Atomics.CompareExchange).Method, true, false),
        Op.AtomicFetchAdd64 => new(((Func<ulong, ulong, ulong>)Atomics.FetchAdd).Method, true, true),
        Op.AtomicFetchOr64 => new(((Func<ulong, ulong, ulong>)Atomics.FetchOr).Method, true, true),
        Op.AtomicFetchAnd64 => new(((Func<ulong, ulong, ulong>)Atomics.FetchAnd).Method, true, true),
        Op.AtomicFetchXor64 => new(((Func<ulong, ulong, ulong>)Atomics.FetchXor).Method, true, true),
        Op.AtomicExchange64 => new(((Func<ulong, ulong, ulong>)Atomics.Exchange).Method, true, true),
        Op.AtomicCompareExchange64 => new(((Func<ulong, ulong, ulong, ulong>)Atomics.CompareExchange).Method, true, true),
        Op.LoadAcquireB => new(((Func<ulong, uint>)Atomics.LoadAcquire8).Method, true, false),
        Op.LoadAcquireH => new(((Func<ulong, uint>)Atomics.LoadAcquire16).Method, true, false),
        Op.LoadAcquireW => new(((Func<ulong, uint>)Atomics.LoadAcquire32).Method, true, false),
        Op.LoadAcquireDw => new(((Func<ulong, ulong>)Atomics.LoadAcquire64).Method, true, true),
        Op.StoreReleaseB => new(((Action<ulong, uint>)Atomics.StoreRelease8).Method, false, false),
        Op.StoreReleaseH => new(((Action<ulong, uint>)Atomics.StoreRelease16).Method, false, false),
        Op.StoreReleaseW => new(((Action<ulong, uint>)Atomics.StoreRelease32).Method, false, false),
        Op.StoreReleaseDw => new(((Action<ulong, ulong>)Atomics.StoreRelease64).Method, false, true),
        _ => throw new InvalidOperationException($"{op} is not atomic"),
    };

    public static AtomicMethod AtomicOf(Op op) => FindAtomic(op);
}

/// <param name="Returns">It gives what was there before.</param>
/// <param name="IsWide">That has 64 bits.</param>
internal sealed record AtomicMethod(MethodInfo Method, bool Returns, bool IsWide);

/// <summary>Where fields of <see cref="MachineState"/> stand; r0 is at 0.</summary>
internal static unsafe class MachineOffsets
{
    static MachineOffsets()
    {
        MachineState state = default;
        FrameLow = (int)((byte*)&state.FrameLow - (byte*)&state);
        PacketLow = (int)((byte*)&state.PacketLow - (byte*)&state);
        PacketLength = (int)((byte*)&state.PacketLength - (byte*)&state);
        PacketWriteLength = (int)((byte*)&state.PacketWriteLength - (byte*)&state);
        PacketData = (int)((byte*)&state.PacketData - (byte*)&state);
        Budget = (int)((byte*)&state.Budget - (byte*)&state);
        Cancel = (int)((byte*)&state.Cancel - (byte*)&state);
        ResumeAt = (int)((byte*)&state.ResumeAt - (byte*)&state);
        Current = (int)((byte*)&state.Current - (byte*)&state);
        ValueLow = (int)((byte*)&state.ValueLow - (byte*)&state);
        ValueLength = (int)((byte*)&state.ValueLength - (byte*)&state);
        ValueWriteLength = (int)((byte*)&state.ValueWriteLength - (byte*)&state);
        Depth = (int)((byte*)&state.Depth - (byte*)&state);
        MayGotos = (int)((byte*)&state.MayGotos - (byte*)&state);
        Cpu = (int)((byte*)&state.Cpu - (byte*)&state);
        Fault = (int)((byte*)&state.Fault - (byte*)&state);
    }

    public static int FrameLow { get; }

    public static int PacketLow { get; }

    public static int PacketLength { get; }

    public static int PacketWriteLength { get; }

    public static int PacketData { get; }

    public static int Budget { get; }

    public static int Cancel { get; }

    public static int ResumeAt { get; }

    public static int Current { get; }

    public static int ValueLow { get; }

    public static int ValueLength { get; }

    public static int ValueWriteLength { get; }

    public static int Depth { get; }

    public static int MayGotos { get; }

    public static int Cpu { get; }

    public static int Fault { get; }
}
