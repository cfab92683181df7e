using System.Collections.Immutable;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>Linked objects made by hand.</summary>
internal static class TestPrograms
{
    public static LinkedProgram Program(string assembler, ProgramType type = ProgramType.Unspec, string name = "test", AttachType? attachType = null) =>
        new(name, new SectionMatch("test", "", "", type, attachType, AttachKind.None), [.. TestAssembler.Assemble(assembler)]);

    public static LinkedObject Object(IEnumerable<LinkedProgram> programs, params LinkedMap[] maps) =>
        new("test", [.. programs], [.. maps], []);

    public static LinkedMap Map(int index, MapType type, uint keySize, uint valueSize, uint entries, uint flags = 0, string? name = null) =>
        new(index, name ?? $"map{index}", type, keySize, valueSize, entries, flags);

    public static LoadedObject Load(this IEngine engine, string assembler, params LinkedMap[] maps) =>
        engine.Load(Object([Program(assembler)], maps), LoadOptions.Default);

    public static LoadedObject Load(this IEngine engine, ProgramType type, string assembler, params LinkedMap[] maps) =>
        engine.Load(Object([Program(assembler, type)], maps), LoadOptions.Default);

    /// <summary>Loads a memory program, runs it once on some memory, and gives r0.</summary>
    public static ulong Run(this VmEngine engine, string assembler, ReadOnlySpan<byte> memory = default, params LinkedMap[] maps)
    {
        using LoadedObject loaded = engine.Load(assembler, maps);
        return loaded.Programs[0].Run(new ProgramRun { Data = memory }).ReturnValue;
    }

    public static ulong Run(this VmEngine engine, ProgramType type, string assembler, ReadOnlySpan<byte> packet, params LinkedMap[] maps)
    {
        using LoadedObject loaded = engine.Load(type, assembler, maps);
        return loaded.Programs[0].Run(new ProgramRun { Data = packet }).ReturnValue;
    }
}
