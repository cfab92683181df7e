using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Runtime.Decoding;

/// <summary>Which struct the records of a buffer are; exactly one of the two is set.</summary>
public sealed record SchemaChoice(RecordSchema? Schema, Diagnostic? Problem)
{
    private const string EventTag = "osmia:event=";

    // The kernel puts a perf record's 4-byte length before it and rounds both up to 8 bytes.
    private const int PerfHeader = 4;
    private const int PerfAlignment = 8;

    /// <summary>
    /// In this order: the struct the user names; the declaration tag <c>osmia:event=NAME</c> on the map; the only struct of the
    /// record's size among the object's types that is no key or value of a map and no context of a program.
    /// </summary>
    /// <param name="recordSize">Bytes of the first record seen; 0 when none was, then only a name helps.</param>
    public static SchemaChoice Choose(LinkedObject linked, string mapName, string? eventOption, int recordSize)
    {
        LinkedMap? map = linked.Maps.FirstOrDefault(candidate => candidate.Name == mapName);
        string? tag = map?.Tags.FirstOrDefault(text => text.StartsWith(EventTag, StringComparison.Ordinal))?[EventTag.Length..];
        string? wanted = eventOption ?? tag;
        if (linked.Types is not { } types)
        {
            return new(null, RecordErrors.NoTypes(linked.Name, mapName));
        }

        List<(string Name, TypeId Type)> structs = NamedStructs(types);
        if (wanted is not null)
        {
            string bare = wanted.StartsWith("struct ", StringComparison.Ordinal) ? wanted[7..] : wanted;
            TypeId found = structs.Find(candidate => candidate.Name == bare).Type;
            return found.IsVoid ? new(null, RecordErrors.NoSuchStruct(mapName, bare, tagged: eventOption is null, structs.Select(s => s.Name)))
                : recordSize != 0 && recordSize < types.SizeOf(found) ? new(null, RecordErrors.TooShort(mapName, bare, types.SizeOf(found), recordSize))
                : new(RecordSchema.Of(types, found, bare), null);
        }

        bool isPerf = map?.Type == MapType.PerfEventArray;
        HashSet<TypeId> others = UsedOtherwise(linked, types);
        List<(string Name, TypeId Type)> fitting = structs.FindAll(s => Fits(types.SizeOf(s.Type), recordSize, isPerf));
        List<(string Name, TypeId Type)> candidates = fitting.FindAll(s => !others.Contains(s.Type));
        if (candidates.Count > 1)
        {
            // `const struct event *unused` is how C programs keep an event's type in their BTF.
            HashSet<TypeId> kept = KeptByVariables(types);
            List<(string Name, TypeId Type)> named = candidates.FindAll(s => kept.Contains(s.Type));
            candidates = named.Count == 1 ? named : candidates;
        }

        return candidates.Count switch
        {
            1 => new(RecordSchema.Of(types, candidates[0].Type, candidates[0].Name), null),
            0 => new(null, RecordErrors.NoStructOfSize(mapName, recordSize, fitting.Select(s => s.Name))),
            _ => new(null, RecordErrors.Ambiguous(mapName, recordSize, candidates.Select(s => s.Name))),
        };
    }

    private static bool Fits(long size, int recordSize, bool isPerf) =>
        size > 0 && (size == recordSize
            || (isPerf && (size + PerfHeader + PerfAlignment - 1) / PerfAlignment * PerfAlignment - PerfHeader == recordSize));

    /// <summary>Structs by their name, or by the name of a typedef when they have none.</summary>
    private static List<(string Name, TypeId Type)> NamedStructs(BtfTypes types)
    {
        var structs = new List<(string Name, TypeId Type)>();
        for (int id = 1; id < types.Count; id++)
        {
            BtfType type = types[id];
            BtfType target = type.Kind == BtfKind.Typedef ? types.Resolve(type.Id) : type;
            bool isNamed = type.Kind == BtfKind.Struct ? !type.NameBytes.IsEmpty : type.Kind == BtfKind.Typedef && target.NameBytes.IsEmpty;
            if (isNamed && target.Kind == BtfKind.Struct)
            {
                structs.Add((type.Name, target.Id));
            }
        }

        return structs;
    }

    private static HashSet<TypeId> UsedOtherwise(LinkedObject linked, BtfTypes types)
    {
        var used = new HashSet<TypeId>();
        foreach (LinkedMap map in linked.Maps)
        {
            used.Add(types.Resolve(map.KeyType).Id);
            used.Add(types.Resolve(map.ValueType).Id);
        }

        foreach (LinkedProgram program in linked.Programs)
        {
            BtfType function = program.Functions.IsDefaultOrEmpty ? types[TypeId.Void] : types[program.Functions[0].BtfId];
            BtfType prototype = function.Kind == BtfKind.Function ? function.Referenced : function;
            if (prototype.Kind == BtfKind.FunctionPrototype && prototype.Count > 0)
            {
                BtfType context = types.Resolve(prototype.Parameter(0).Type);
                used.Add(context.Kind == BtfKind.Pointer ? types.Resolve(context.ReferencedId).Id : context.Id);
            }
        }

        return used;
    }

    private static HashSet<TypeId> KeptByVariables(BtfTypes types)
    {
        var kept = new HashSet<TypeId>();
        for (int id = 1; id < types.Count; id++)
        {
            BtfType pointer = types[id].Kind == BtfKind.Variable ? types.Resolve(types[id].ReferencedId) : default;
            if (pointer.Owner is not null && pointer.Kind == BtfKind.Pointer)
            {
                kept.Add(types.Resolve(pointer.ReferencedId).Id);
            }
        }

        return kept;
    }
}
