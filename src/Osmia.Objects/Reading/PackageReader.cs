using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Osmia.Objects.Diagnostics;

namespace Osmia.Objects.Reading;

/// <summary>
/// An object in the package of the eunomia-bpf compiler (<c>package.json</c>): the ELF file, compressed by zlib, in base64, beside a
/// description of it. The description repeats what the object says, but for its name.
/// </summary>
/// <remarks>Source: the documentation of ecc (eunomia.dev). Only <c>bpf_object</c> is needed.</remarks>
internal static class PackageReader
{
    private const int MaximumSize = 256 << 20;
    private const string NameSuffix = "_bpf";

    /// <summary>Whether a file begins as a JSON object does; no ELF file begins so.</summary>
    public static bool IsPackage(ReadOnlySpan<byte> data)
    {
        data = data.StartsWith(Encoding.UTF8.Preamble) ? data[3..] : data;
        ReadOnlySpan<byte> text = data.TrimStart(" \t\r\n"u8);
        return text.Length > 0 && text[0] == (byte)'{';
    }

    /// <returns>The ELF file, and the object's name when the package tells it.</returns>
    /// <exception cref="ObjectFormatException">OSM1023: it is no JSON, holds no object, or one that does not unpack.</exception>
    public static (byte[] Elf, string? Name) Read(ReadOnlySpan<byte> data, string file)
    {
        data = data.StartsWith(Encoding.UTF8.Preamble) ? data[3..] : data;
        var reader = new Utf8JsonReader(data, new JsonReaderOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
        byte[]? packed = null;
        long? size = null;
        string? name = null;
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName)
                {
                    continue;
                }

                if (reader.CurrentDepth == 1 && reader.ValueTextEquals("bpf_object"u8))
                {
                    packed = reader.Read() && reader.TokenType == JsonTokenType.String && reader.TryGetBytesFromBase64(out byte[]? bytes)
                        ? bytes
                        : throw ObjectErrors.BadPackage(file, "its 'bpf_object' is no text in base64", reader.TokenStartIndex);
                }
                else if (reader.CurrentDepth == 1 && reader.ValueTextEquals("bpf_object_size"u8))
                {
                    size = reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long number)
                        ? number
                        : throw ObjectErrors.BadPackage(file, "its 'bpf_object_size' is no number", reader.TokenStartIndex);
                }
                else if (reader.CurrentDepth == 3 && reader.ValueTextEquals("obj_name"u8) && reader.Read() && reader.TokenType == JsonTokenType.String)
                {
                    name = reader.GetString();
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: text with an escape that is no character.
            throw ObjectErrors.BadPackage(file, $"it is no JSON: {e.Message}", (e as JsonException)?.BytePositionInLine ?? reader.TokenStartIndex, e);
        }

        if (packed is null)
        {
            throw ObjectErrors.BadPackage(file, "it has no 'bpf_object'", 0);
        }

        byte[] elf = Unpack(packed, file);
        if (size is not null && size != elf.Length)
        {
            throw ObjectErrors.BadPackage(file, $"its object has {elf.Length} bytes, and 'bpf_object_size' says {size}", 0);
        }

        return (elf, name is { Length: > 4 } && name.EndsWith(NameSuffix, StringComparison.Ordinal) ? name[..^NameSuffix.Length] : name);
    }

    /// <summary>What is unpacked is counted: a byte of it can stand for a thousand.</summary>
    private static byte[] Unpack(byte[] packed, string file)
    {
        try
        {
            using var stream = new ZLibStream(new MemoryStream(packed), CompressionMode.Decompress);
            var elf = new MemoryStream();
            byte[] chunk = new byte[1 << 14];
            while (stream.Read(chunk) is > 0 and var count)
            {
                elf.Write(chunk, 0, count);
                if (elf.Length > MaximumSize)
                {
                    throw ObjectErrors.BadPackage(file, $"its object unpacks to more than {MaximumSize} bytes", 0);
                }
            }

            return elf.ToArray();
        }
        catch (InvalidDataException e)
        {
            throw ObjectErrors.BadPackage(file, $"its 'bpf_object' is not compressed by zlib: {e.Message}", 0, e);
        }
    }
}
