using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Vm.Maps;

/// <summary>Static initialisation of prog arrays and maps of maps: elements named in the object.</summary>
internal static class MapSlots
{
    public static unsafe void Fill(VmMap[] maps, VmProgram[] programs)
    {
        foreach (VmMap map in maps)
        {
            foreach (MapSlot slot in map.Definition.Slots)
            {
                uint key = (uint)slot.Index;
                int result;
                switch (map)
                {
                    case ProgramArrayMap programArray:
                        VmProgram program = Array.Find(programs, p => p.Name == slot.Name)
                            ?? throw Refuse(map, slot, $"the object has no program '{slot.Name}'", "a program that is left out cannot be an element");
                        result = key >= map.Definition.MaxEntries ? -Errno.TooBig : programArray.Set(key, program);
                        break;
                    case MapOfMaps mapOfMaps:
                        VmMap inner = Array.Find(maps, m => m.Name == slot.Name)
                            ?? throw Refuse(map, slot, $"the object has no map '{slot.Name}'", "the element was declared with a name the linker did not keep");
                        result = mapOfMaps.Set((byte*)&key, inner, 0);
                        break;
                    default:
                        throw Refuse(map, slot, "the map has elements given in the object", "only prog arrays and maps of maps can have them");
                }

                if (result < 0)
                {
                    throw Refuse(map, slot, $"'{slot.Name}' cannot be element {slot.Index}: {Errno.NameOf(-result)}",
                        "programs of an array share one type, inner maps the definition of the template, and the index lies within the map");
                }
            }
        }

    }

    private static MapException Refuse(VmMap map, MapSlot slot, string what, string why) =>
        new(new Diagnostic(DiagnosticIds.BadMapSlot, what) { Where = $"map '{map.Name}', element {slot.Index}", Why = why, Try = "correct the map's .values in the source" }, map.Name, Errno.Invalid);
}
