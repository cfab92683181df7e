using System.Buffers.Binary;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Vm;

namespace Osmia.Tests.Verification.Generator;

/// <summary>What a run left behind.</summary>
internal sealed record RunOutcome(uint Result, string Packet, string Maps)
{
    public static RunOutcome Of(ProgramRunResult result, ReadOnlySpan<byte> packet, IReadOnlyList<Map> maps) =>
        new((uint)result.ReturnValue, Convert.ToHexStringLower(packet), GeneratedInput.Describe(maps));
}

/// <summary>Runs generated programs in the VM.</summary>
internal static class GeneratedRun
{
    /// <param name="watch">Sees the program before it runs.</param>
    public static RunOutcome Run(LinkedProgram program, GeneratedInput input, Action<LoadedObject>? watch = null, VmTier tier = VmTier.Interpreter, bool isVerified = false)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, TreatAsMemoryPrograms = true, Seed = 1, Tier = tier });
        LinkedObject linked = GeneratorScaffold.Object with { Programs = [program] };
        using LoadedObject loaded = isVerified ? engine.LoadVerified(linked, [VerifiedProgram.Prove(linked, program, engine.Target, out _)!]) : engine.Load(linked, LoadOptions.Default);
        input.Fill(loaded.Maps);
        watch?.Invoke(loaded);
        byte[] data = new byte[512];
        bool hasPacket = program.Type is not (ProgramType.Syscall or ProgramType.RawTracepoint);
        ProgramRunResult result = loaded.Programs[0].Run(new ProgramRun { Data = hasPacket ? input.Packet : input.ContextOf(program.Type), DataOut = data });
        int length = Math.Min(result.DataLength, data.Length);
        return RunOutcome.Of(result, program.Type == ProgramType.RawTracepoint ? default : data.AsSpan(0, length), loaded.Maps);
    }
}

/// <summary>Loads generated programs into the kernel and runs them there.</summary>
[SupportedOSPlatform("linux")]
internal sealed class GeneratedTrial : IDisposable
{
    // The ring is never read: it must hold what the programs of one trial reserve.
    private const int ProgramsPerTrial = 150;

    private static readonly LoadOptions s_options = LoadOptions.Default;

    private readonly KernelEngine _engine;
    private readonly LinkedObject _maps = GeneratorScaffold.Object with { Programs = [] };
    private readonly BpfHandle? _types;

    // By program type: a prog array belongs to the type that first used it.
    private readonly Dictionary<ProgramType, Maps> _byType = [];

    public GeneratedTrial(KernelEngine engine)
    {
        _engine = engine;
        _types = KernelTypes.TryLoad(GeneratorScaffold.Object.Types!, out _);
    }

    /// <summary>The kernel's refusal with the end of its log, or null and the loaded program.</summary>
    public KernelProgram? Load(LinkedProgram program, out KernelException? refusal)
    {
        refusal = null;
        try
        {
            return MapsOf(program.Type).Loader.Load(program);
        }
        catch (KernelException e)
        {
            refusal = e;
            return null;
        }
    }

    /// <summary>Whether the kernel takes it.</summary>
    public bool Accepts(LinkedProgram program)
    {
        using KernelProgram? loaded = Load(program, out _);
        return loaded is not null;
    }

    public RunOutcome RunInKernel(KernelProgram program, GeneratedInput input)
    {
        IReadOnlyList<Map> maps = _byType[program.Type].InKernel.Maps;
        input.Fill(maps);
        byte[] data = new byte[512];
        byte[] context = [.. input.ContextOf(program.Type)];
        bool hasPacket = program.Type is not (ProgramType.Syscall or ProgramType.RawTracepoint);
        ProgramRunResult result = program.Run(hasPacket
            ? new ProgramRun { Data = input.Packet, DataOut = data }
            : new ProgramRun { Context = context, ContextOut = program.Type == ProgramType.Syscall ? context : default });
        return RunOutcome.Of(result, hasPacket ? data.AsSpan(0, Math.Min(result.DataLength, data.Length)) : program.Type == ProgramType.Syscall ? context : default, maps);
    }

    public void Dispose()
    {
        _types?.Dispose();
        foreach (Maps maps in _byType.Values)
        {
            maps.InKernel.Dispose();
        }
    }

    private Maps MapsOf(ProgramType type)
    {
        if (_byType.TryGetValue(type, out Maps? known) && known.Left-- > 0)
        {
            return known;
        }

        known?.InKernel.Dispose();
        LoadedObject live = _engine.Load(_maps, s_options);
        var loader = new ProgramLoader(GeneratorScaffold.Object, [.. live.Maps.Cast<KernelMap>()], _types, [], _engine.Target.KernelVersion, s_options);
        return _byType[type] = new Maps(live, loader) { Left = ProgramsPerTrial };
    }

    private sealed record Maps(LoadedObject InKernel, ProgramLoader Loader)
    {
        public int Left { get; set; }
    }
}

/// <summary>A packet, a context and the content of maps.</summary>
internal sealed class GeneratedInput
{
    private readonly byte[] _input = new byte[GeneratorScaffold.InputSize];
    private readonly byte[] _table = new byte[GeneratorScaffold.TableSize * GeneratorScaffold.TableEntries];
    private readonly int _hashEntries;

    public GeneratedInput(Random random)
    {
        Packet = new byte[random.Next(14, 120)];
        random.NextBytes(Packet);
        // No protocol that the kernel would want more of a header of.
        Packet[12] = 0x12;
        random.NextBytes(Context);
        random.NextBytes(_table);
        for (int at = 0; at < _input.Length; at += 8)
        {
            long value = random.Next(4) switch
            {
                0 => random.NextInt64(long.MinValue, long.MaxValue),
                1 => random.Next(-3, 70),
                2 => random.Next(4) switch { 0 => long.MinValue, 1 => long.MaxValue, 2 => int.MinValue, _ => uint.MaxValue },
                _ => random.Next(0, 20),
            };
            BinaryPrimitives.WriteInt64LittleEndian(_input.AsSpan(at), value);
            if (random.Next(2) == 0)
            {
                BinaryPrimitives.WriteInt64LittleEndian(_table.AsSpan(at), value);
            }
        }

        _hashEntries = random.Next(10);
    }

    public byte[] Packet { get; }

    /// <summary>What a tracepoint hands over is shorter than what a syscall program may be given.</summary>
    public byte[] Context { get; } = new byte[512];

    public ReadOnlySpan<byte> ContextOf(ProgramType type) => type == ProgramType.RawTracepoint ? Context.AsSpan(0, 96) : Context;

    public void Fill(IReadOnlyList<Map> maps)
    {
        Span<byte> key = stackalloc byte[8];
        Span<byte> next = stackalloc byte[8];
        Span<byte> key4 = key[..4];
        maps[GeneratorScaffold.Input].Update(key4, _input);
        for (int i = 0; i < GeneratorScaffold.TableEntries; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(key4, i);
            maps[GeneratorScaffold.Table].Update(key4, _table.AsSpan(i * GeneratorScaffold.TableSize, GeneratorScaffold.TableSize));
        }

        Map hash = maps[GeneratorScaffold.Hash];
        while (hash.TryNextKey(default, next))
        {
            hash.Delete(next);
        }

        for (int i = 0; i < _hashEntries; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(key, i);
            hash.Update(key, _table.AsSpan(i * 3, GeneratorScaffold.HashSize));
        }

        Map queue = maps[GeneratorScaffold.Queue];
        while (OperatingSystem.IsLinux() && queue is KernelMap kernel && kernel.TryTake(default, key))
        {
        }

        queue.Update(default, _input.AsSpan(0, 8));
    }

    public static string Describe(IReadOnlyList<Map> maps)
    {
        var parts = new List<string>();
        Span<byte> key = stackalloc byte[8];
        Span<byte> next = stackalloc byte[8];
        Span<byte> value = stackalloc byte[64];
        foreach (int map in new[] { GeneratorScaffold.Input, GeneratorScaffold.Table, GeneratorScaffold.Hash })
        {
            var entries = new SortedDictionary<string, string>(StringComparer.Ordinal);
            int keySize = maps[map].KeySize;
            bool found = maps[map].TryNextKey(default, next[..keySize]);
            while (found)
            {
                next.CopyTo(key);
                if (maps[map].TryLookup(key[..keySize], value[..maps[map].ValueSize]))
                {
                    entries[Convert.ToHexStringLower(key[..keySize])] = Convert.ToHexStringLower(value[..maps[map].ValueSize]);
                }

                found = maps[map].TryNextKey(key[..keySize], next[..keySize]);
            }

            parts.Add($"{maps[map].Name}: {string.Join(", ", entries.Select(pair => $"{pair.Key}={pair.Value}"))}");
        }

        return string.Join("\n", parts);
    }
}
