using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Runtime;

/// <summary>An object living in an engine. Owns its programs and maps; links are owned by whoever attached.</summary>
public sealed class LoadedObject(IEngine engine, LinkedObject definition, IReadOnlyList<LoadedProgram> programs, IReadOnlyList<Map> maps) : IDisposable
{
    public IEngine Engine { get; } = engine;

    public LinkedObject Definition { get; } = definition;

    /// <summary>In the order of <see cref="LinkedObject.Programs"/>.</summary>
    public IReadOnlyList<LoadedProgram> Programs { get; } = programs;

    /// <summary>In the order of <see cref="LinkedObject.Maps"/>: index = <see cref="LinkedMap.Index"/>.</summary>
    public IReadOnlyList<Map> Maps { get; } = maps;

    /// <summary>What the engine left out without harm: types the kernel does not take, and the like.</summary>
    public IReadOnlyList<Diagnostic> Warnings { get; init; } = [];

    public LoadedProgram Program(string name) =>
        Programs.FirstOrDefault(program => program.Name == name)
        ?? throw new ArgumentException($"no loaded program '{name}'; there are: {string.Join(", ", Programs.Select(p => p.Name))}", nameof(name));

    public Map Map(string name) =>
        Maps.FirstOrDefault(map => map.Name == name)
        ?? throw new ArgumentException($"no map '{name}'; there are: {string.Join(", ", Maps.Select(m => m.Name))}", nameof(name));

    public Map<TKey, TValue> Map<TKey, TValue>(string name)
        where TKey : unmanaged
        where TValue : unmanaged => new(Map(name));

    /// <summary>Reads a global variable's bytes as they are now.</summary>
    public void ReadVariable(LinkedVariable variable, Span<byte> destination)
    {
        Map map = Maps[variable.MapIndex];
        byte[] section = new byte[map.ValueBufferSize];
        if (!map.TryLookup(stackalloc byte[4], section))
        {
            throw new InvalidOperationException($"data section '{map.Name}' of variable '{variable.Name}' has no element 0");
        }

        section.AsSpan(variable.Offset, variable.Size).CopyTo(destination);
    }

    /// <summary>A global variable by name, as <typeparamref name="T"/> of the same size.</summary>
    public T ReadVariable<T>(string name)
        where T : unmanaged
    {
        LinkedVariable variable = Definition.Variables.FirstOrDefault(v => v.Name == name)
            ?? throw new ArgumentException($"no variable '{name}'", nameof(name));
        if (variable.Size != Unsafe.SizeOf<T>())
        {
            throw new ArgumentException($"variable '{name}' has {variable.Size} bytes, {typeof(T).Name} has {Unsafe.SizeOf<T>()}", nameof(name));
        }

        T value = default;
        ReadVariable(variable, MemoryMarshal.AsBytes(new Span<T>(ref value)));
        return value;
    }

    public void Dispose()
    {
        foreach (LoadedProgram program in Programs)
        {
            program.Dispose();
        }

        foreach (Map map in Maps)
        {
            map.Dispose();
        }
    }
}
