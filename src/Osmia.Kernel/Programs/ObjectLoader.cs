using System.Buffers.Binary;
using Osmia.Bytecode;
using Osmia.Kernel.Links;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Syscalls;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Kernel.Programs;

/// <summary>
/// The stages of a load, in order: types, maps (with their data), maps inside maps, programs, programs inside prog arrays and structs of callbacks.
/// Whatever fails, everything made so far is closed and pins made by this load are removed.
/// </summary>
internal sealed class ObjectLoader
{
    private readonly List<KernelMap> _maps = [];
    private readonly List<KernelProgram> _programs = [];
    private readonly List<PinUndo> _pins = [];
    private readonly List<Diagnostic> _warnings = [];

    private ObjectLoader()
    {
    }

    public static LoadedObject Load(KernelEngine engine, LinkedObject linked, LoadOptions options)
    {
        var loader = new ObjectLoader();
        try
        {
            using ModuleTypes modules = ModuleTypes.Open(linked.Modules);
            using BpfHandle? btf = loader.LoadTypes(linked, engine.TokenFd);
            loader.CreateMaps(linked, btf, modules.Descriptors, engine, options);
            loader.FillOuterMaps();
            var programs = new ProgramLoader(linked, loader._maps, btf, modules.Descriptors, engine.Target.KernelVersion, options, engine.TokenFd);
            foreach (LinkedProgram program in linked.Programs)
            {
                loader._programs.Add(programs.Load(program));
            }

            loader.FillProgramArrays();
            loader.FillStructOps();
            loader._pins.ForEach(pin => pin.Keep());
            return new LoadedObject(engine, linked, loader._programs, loader._maps) { Warnings = loader._warnings };
        }
        catch
        {
            loader.Undo();
            throw;
        }
    }

    private BpfHandle? LoadTypes(LinkedObject linked, int token)
    {
        if (linked.Types is null)
        {
            return null;
        }

        BpfHandle? btf = KernelTypes.TryLoad(linked.Types, out Diagnostic? refusal, token);
        if (refusal is not null)
        {
            _warnings.Add(refusal);
        }

        return btf;
    }

    private void CreateMaps(LinkedObject linked, BpfHandle? btf, int[] modules, KernelEngine engine, LoadOptions options)
    {
        if (options.Maps.Keys.FirstOrDefault(name => linked.Maps.All(map => map.Name != name)) is { } unknown)
        {
            throw new ArgumentException($"the object has no map '{unknown}' that another could stand in for", nameof(options));
        }

        foreach (LinkedMap map in linked.Maps)
        {
            if (options.Maps.TryGetValue(map.Name, out Map? present))
            {
                KernelMap standIn = present as KernelMap ?? throw new ArgumentException($"map '{map.Name}' is not of the kernel engine", nameof(options));

                // The object's name for it, with the shape it has.
                LinkedMap shape = standIn.Definition;
                _maps.Add(new KernelMap(map with { Type = shape.Type, KeySize = shape.KeySize, ValueSize = shape.ValueSize, MaxEntries = shape.MaxEntries, Flags = shape.Flags }, standIn.Handle));
                continue;
            }

            if (!map.PinByName)
            {
                _maps.Add(MapCreation.Create(map, btf, modules, DigestFor(linked, map, options), engine.TokenFd));
                continue;
            }

            _maps.Add(PinnedMaps.OpenOrCreate(map, btf, modules, engine.PinDirectory, options.OnPinMismatch, engine.TokenFd, out PinUndo? undo));
            if (undo is not null)
            {
                _pins.Add(undo);
            }
        }
    }

    private static byte[]? DigestFor(LinkedObject linked, LinkedMap map, LoadOptions options) =>
        !options.ExclusiveMaps.TryGetValue(map.Name, out string? name) ? null
        : linked.Programs.FirstOrDefault(program => program.Name == name) is { } program ? ProgramDigest.Of(program.Instructions.AsSpan())
        : throw new ArgumentException($"map '{map.Name}' is to be exclusive to program '{name}', which the object does not have", nameof(options));

    private void FillOuterMaps()
    {
        foreach (KernelMap outer in _maps.Where(map => map.Type is MapType.ArrayOfMaps or MapType.HashOfMaps))
        {
            foreach (MapSlot slot in outer.Definition.Slots)
            {
                KernelMap inner = _maps.Find(map => map.Name == slot.Name) ?? throw Missing(outer, slot, "map");
                outer.SetElement(Key(outer, slot.Index), inner.Handle);
            }
        }
    }

    private void FillProgramArrays()
    {
        foreach (KernelMap array in _maps.Where(map => map.Type == MapType.ProgArray))
        {
            foreach (MapSlot slot in array.Definition.Slots)
            {
                KernelProgram program = _programs.Find(candidate => candidate.Name == slot.Name) ?? throw Missing(array, slot, "program");
                array.SetElement(Key(array, slot.Index), program.Handle);
            }
        }
    }

    /// <summary>Structs of callbacks get their value now; the kernel sees it when they are attached.</summary>
    private void FillStructOps()
    {
        foreach (KernelMap map in _maps.Where(map => map.Type == MapType.StructOps))
        {
            map.StructValue = StructOpsLink.ValueOf(map.Definition, _programs);
            foreach (FunctionSlot slot in map.Definition.Functions)
            {
                _programs.Find(program => program.Name == slot.Program)!.StructOps.Add(map);
            }
        }
    }

    private static byte[] Key(KernelMap map, int index)
    {
        byte[] key = new byte[Math.Max(map.KeySize, sizeof(int))];
        BinaryPrimitives.WriteInt32LittleEndian(key, index);
        return key[..map.KeySize];
    }

    private static KernelException Missing(KernelMap map, MapSlot slot, string kind) =>
        new(new Diagnostic("OSM5017", $"element {slot.Index} of map '{map.Name}' names {kind} '{slot.Name}', which is not loaded")
        {
            Where = $"map '{map.Name}' ({map.Type.ToKernelName()})",
            Why = $"its static initialiser names a {kind} that the object does not have or that was left out",
            Try = $"load the {kind} too, or remove it from the map's initialiser",
        },
        "bpf(BPF_MAP_UPDATE_ELEM)", Errno.ENOENT);

    private void Undo()
    {
        foreach (KernelProgram program in _programs)
        {
            program.Dispose();
        }

        foreach (KernelMap map in _maps)
        {
            map.Dispose();
        }

        _pins.ForEach(pin => pin.Undo());
    }
}
