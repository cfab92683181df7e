using Osmia.Objects.Sections;

namespace Osmia.Objects;

/// <summary>An entry point of an object, inert: its code, and what its section name says of it.</summary>
public sealed class BpfProgram(BpfFunction entry, SectionMatch section)
{
    public string Name => Entry.Name;

    public BpfFunction Entry { get; } = entry;

    /// <summary>What the section name means; replace it to load the program as another type.</summary>
    public SectionMatch Section { get; set; } = section;

    /// <summary>False leaves the program out when the object is linked; starts false for section names with <c>?</c>.</summary>
    public bool AutoLoad { get; set; } = !section.IsOptional;

    public override string ToString() => $"{Section.Name}:{Name}";
}
