using Osmia.Objects.Diagnostics;
using Osmia.Objects.Writing;

namespace Osmia.Objects.Merging;

/// <summary>Where each object's part of a data section begins when sections of one name are joined, each part at the alignment of the strictest so far.</summary>
internal sealed class SectionLayout
{
    private const int MaximumSize = 1 << 26;

    private readonly string _result;
    private readonly Dictionary<(int Object, string Section), uint> _starts = [];
    private readonly Dictionary<string, Joined> _sections = new(StringComparer.Ordinal);
    private readonly List<Joined> _order = [];

    /// <summary>A section of the result with the parts it is made of.</summary>
    public sealed class Joined(string name)
    {
        public string Name { get; } = name;

        public int Alignment { get; set; } = 1;

        public long Size { get; set; }

        /// <summary>Maps (<see cref="BpfMap"/>) or sections (<see cref="BpfSection"/>) with their places.</summary>
        public List<(object Part, long Start)> Parts { get; } = [];
    }

    /// <param name="result">The name of the result, for errors.</param>
    public SectionLayout(string result, IReadOnlyList<BpfObject> objects)
    {
        _result = result;
        for (int index = 0; index < objects.Count; index++)
        {
            foreach (BpfMap map in objects[index].Maps.Where(map => map.DataSection is DataSectionKind.ReadOnly or DataSectionKind.Data or DataSectionKind.ZeroInitialised))
            {
                Add(index, map.SectionName ?? map.Name, map, map.Alignment, map.ValueSize);
            }

            foreach (BpfSection section in objects[index].OtherSections)
            {
                Add(index, section.Name, section, section.Alignment, section.Data.Length);
            }
        }
    }

    public IReadOnlyList<Joined> Sections => _order;

    public uint StartOf(int index, string section) => _starts.GetValueOrDefault((index, section));

    /// <summary>Null for sections that no object has bytes for.</summary>
    public uint? SizeOf(string section) => _sections.TryGetValue(section, out Joined? joined) ? (uint)joined.Size : null;

    private void Add(int index, string name, object part, int alignment, long size)
    {
        if (!_sections.TryGetValue(name, out Joined? joined))
        {
            _sections[name] = joined = new Joined(name);
            _order.Add(joined);
        }

        joined.Alignment = Math.Max(joined.Alignment, alignment);
        long start = Place.Align(joined.Size, joined.Alignment);
        joined.Parts.Add((part, start));
        joined.Size = start + size;
        if (joined.Size > MaximumSize)
        {
            throw WriteErrors.CannotWrite(_result, $"its parts together have {joined.Size} bytes; more than {MaximumSize} are not written", $"section {name}", "link fewer objects");
        }

        _starts.TryAdd((index, name), (uint)start);
    }
}
