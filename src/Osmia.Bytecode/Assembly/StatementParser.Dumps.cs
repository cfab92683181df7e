using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Osmia.Bytecode.Assembly;

/// <content>What dumps print before and around instructions.</content>
internal sealed partial class StatementParser
{
    /// <summary>A function's declaration as bpftool prints it before its instructions: <c>int f(struct ctx *ctx):</c>.</summary>
    private bool IsPrototype(out int nameStart, out int nameLength)
    {
        (nameStart, nameLength) = (0, 0);
        source.SkipSpace();
        ReadOnlySpan<char> line = source.Rest.TrimEnd();
        int parenthesis = line.IndexOf('(');
        if (parenthesis <= 0 || !line.EndsWith("):", StringComparison.Ordinal))
        {
            return false;
        }

        int end = line[..parenthesis].TrimEnd().Length;
        int start = end;
        while (start > 0 && (char.IsAsciiLetterOrDigit(line[start - 1]) || line[start - 1] is '_' or '.' or '$'))
        {
            start--;
        }

        (nameStart, nameLength) = (source.Position + start, end - start);
        return end > start && !char.IsAsciiDigit(line[start]);
    }

    /// <summary>llvm-objdump's <c>0000000000000000 &lt;name&gt;:</c>.</summary>
    private bool ObjdumpHeading([NotNullWhen(true)] out string? name)
    {
        source.SkipSpace();
        ReadOnlySpan<char> line = source.Rest.TrimEnd();
        int open = line.IndexOf('<');
        bool isHeading = open >= 0 && line.EndsWith(">:", StringComparison.Ordinal) && IsHex(line[..open].Trim()) && line.Length - 2 > open + 1;
        name = isHeading ? line[(open + 1)..^2].ToString() : null;
        return isHeading;
    }

    /// <summary>The lines of llvm-objdump above its functions: the file with its format, the section.</summary>
    private bool IsObjdumpTitle() =>
        source.Rest.StartsWith("Disassembly of section ", StringComparison.Ordinal) || source.Rest.Contains(":\tfile format ", StringComparison.Ordinal);

    private static bool IsHex(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            if (!char.IsAsciiHexDigit(c))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary><c>12: </c> before an instruction says where it stood; nothing depends on it.</summary>
    private void SlotNumber()
    {
        source.SkipSpace();
        int digits = 0;
        while (char.IsAsciiDigit(source.After(digits)))
        {
            digits++;
        }

        if (digits > 0 && source.After(digits) == ':')
        {
            source.Position += digits + 1;
        }
    }

    /// <summary>The 8 bytes llvm-objdump prints between slot number and text. They say what kind of call or load it is where the text does not.</summary>
    private void SkipBytes()
    {
        source.SkipSpace();
        if (CountBytes(out int length) is 8 or 16)
        {
            ReadOnlySpan<char> bytes = source.Rest;
            _opcodeHint = HexByte(bytes);
            _registersHint = HexByte(bytes[3..]);
            source.Position += length;
        }
    }

    /// <summary>A line of nothing but bytes, as bpftool's <c>opcodes</c> prints below an instruction.</summary>
    private bool IsBytesOnly()
    {
        source.SkipSpace();
        int start = source.Position;
        int count = CountBytes(out int length);
        if (count is not (8 or 16))
        {
            return false;
        }

        source.Position += length;
        if (source.IsAtEnd())
        {
            return true;
        }

        source.Position = start;
        return false;
    }

    private int CountBytes(out int length)
    {
        int count = 0;
        length = 0;
        while (char.IsAsciiHexDigit(source.After(length)) && char.IsAsciiHexDigit(source.After(length + 1)) && source.After(length + 2) is ' ' or '\t' or '\r' or '\0')
        {
            count++;
            length += 2;
            length += count < 16 && source.After(length) == ' ' && source.After(length + 1) != ' ' ? 1 : 0;
        }

        return count;
    }

    private static int HexByte(ReadOnlySpan<char> text) => byte.Parse(text[..2], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    /// <summary><c>(b7)</c>: the kernel prints the opcode before the text.</summary>
    private bool OpcodePrefix()
    {
        source.SkipSpace();
        if (source.Current != '(')
        {
            return true;
        }

        if (!char.IsAsciiHexDigit(source.After(1)) || !char.IsAsciiHexDigit(source.After(2)) || source.After(3) != ')')
        {
            return Fail(AssemblyErrors.Expected("an instruction", FoundHere()));
        }

        _opcodeHint = HexByte(source.Rest[1..]);
        source.Position += 4;
        return true;
    }
}
