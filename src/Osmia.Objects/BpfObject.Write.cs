using Osmia.Objects.Diagnostics;
using Osmia.Objects.Writing;

namespace Osmia.Objects;

public sealed partial class BpfObject
{
    /// <summary>
    /// The object as an ELF file that libbpf, bpftool and <see cref="Read(string)"/> read: its functions at their slots, maps, variables,
    /// BTF with <c>.BTF.ext</c>, symbols and relocations. DWARF and what reading left out are not written.
    /// </summary>
    /// <remarks>
    /// Map definitions come from the <see cref="BpfMap"/> values: a map that was resized, or has no BTF, gets a new definition. Types keep their ids.
    /// </remarks>
    /// <exception cref="ObjectFormatException">A reference names something that is not of the object (OSM1030).</exception>
    public byte[] ToArray() => new ObjectWriter(this).Write();

    /// <inheritdoc cref="ToArray"/>
    public void Write(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(ToArray());
    }

    /// <inheritdoc cref="ToArray"/>
    /// <exception cref="ObjectFormatException">OSM1030, or the file cannot be written (OSM1031).</exception>
    public void Write(string path)
    {
        byte[] bytes = ToArray();
        try
        {
            File.WriteAllBytes(path, bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw WriteErrors.Unwritable(path, e);
        }
    }
}
