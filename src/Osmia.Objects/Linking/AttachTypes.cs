using Osmia.Btf;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Sections;

namespace Osmia.Objects.Linking;

/// <summary>Finds the target's BTF id of what a program attaches to. The kernel names those types by prefix.</summary>
internal static class AttachTypes
{
    private const string RawTracepointPrefix = "btf_trace_";
    private const string LsmPrefix = "bpf_lsm_";
    private const string IteratorPrefix = "bpf_iter_";

    public static LinkedProgram Resolve(LinkedProgram program, Target target, ModuleTable modules)
    {
        SectionMatch section = program.Section;
        (BtfKind kind, string prefix)? wanted = section.Kind switch
        {
            AttachKind.BtfTracepoint => (BtfKind.Typedef, RawTracepointPrefix),
            AttachKind.Tracing => (BtfKind.Function, ""),
            AttachKind.Lsm => (BtfKind.Function, LsmPrefix),
            AttachKind.Iterator => (BtfKind.Function, IteratorPrefix),
            _ => null,
        };
        if (wanted is not { } query || section.Target.Length == 0)
        {
            return program;
        }

        if (target.Types is not { } types)
        {
            throw LinkErrors.NoTargetTypes(target.Name, target.NoTypesReason, $"program '{program.Name}', section \"{section.Name}\"");
        }

        // "MODULE:FUNCTION" names whose function is meant.
        string name = section.Target[(section.Target.IndexOf(':', StringComparison.Ordinal) + 1)..];
        return target.Find(query.kind, query.prefix + name) is { } found
            ? program with { AttachBtfId = found.Id, AttachModule = modules.IndexOf(found.Module) }
            : throw LinkErrors.NoAttachType(program.Name, section.Name, section.Target, target.Name, Nearest(types, query.kind, query.prefix, name));
    }

    private static IReadOnlyList<string> Nearest(BtfTypes types, BtfKind kind, string prefix, string wanted)
    {
        var names = new List<string>();
        for (int id = 1; id < types.Count; id++)
        {
            if (types[id].Kind == kind && types[id].Name is var name && name.StartsWith(prefix, StringComparison.Ordinal))
            {
                names.Add(name[prefix.Length..]);
            }
        }

        return Similarity.Nearest(wanted, names, 3);
    }
}
