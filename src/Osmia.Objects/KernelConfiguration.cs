using System.Globalization;
using System.Text;
using Osmia.Btf;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Objects;

/// <summary>
/// External variables of section <c>.kconfig</c>: <c>CONFIG_*</c> and the words that loaders define themselves. They are
/// read-only data whose values come from the target when an object is linked.
/// </summary>
/// <remarks>Source: libbpf's documentation of extern kconfig variables (docs.kernel.org/bpf/libbpf).</remarks>
internal static class KernelConfiguration
{
    public const string SectionName = ".kconfig";
    public const int MaximumValue = 4096;

    private const string KernelVersion = "LINUX_KERNEL_VERSION";
    private const string HasBpfCookie = "LINUX_HAS_BPF_COOKIE";
    private const string HasSyscallWrapper = "LINUX_HAS_SYSCALL_WRAPPER";
    private const uint CookieSince = (5 << 16) | (15 << 8);
    private const uint WrapperSince = (4 << 16) | (17 << 8);

    /// <summary>The section's bytes for a target; a weak variable that the target does not know is zero.</summary>
    /// <exception cref="RelocationException">A variable is not known, or its value does not fit its type.</exception>
    public static byte[] ValuesOf(BpfObject source, BpfMap map, Target target)
    {
        byte[] values = new byte[map.ValueSize];
        foreach (BpfVariable variable in source.Variables)
        {
            if (variable.Map != map)
            {
                continue;
            }

            string? text = TextOf(variable.Name, target);
            if (text is null)
            {
                if (!variable.IsWeak)
                {
                    throw LinkErrors.Configuration(variable.Name, target.Name);
                }

                continue;
            }

            Span<byte> bytes = values.AsSpan(variable.Offset, variable.Size);
            if (!TryWrite(source.Types!, variable.Type, bytes, text))
            {
                throw LinkErrors.ConfigurationValue(variable.Name, text, target.Name);
            }
        }

        return values;
    }

    private static string? TextOf(string name, Target target) => name switch
    {
        KernelVersion when target.KernelVersion != 0 => target.KernelVersion.ToString(CultureInfo.InvariantCulture),
        HasBpfCookie when target.KernelVersion != 0 => target.KernelVersion >= CookieSince ? "y" : "n",
        HasSyscallWrapper when target.KernelVersion != 0 => target.KernelVersion >= WrapperSince ? "y" : "n",
        _ => target.Configuration?.Invoke(name),
    };

    // y, n and m into a bool, a char or an enum of three values; numbers into integers; quoted text into char arrays.
    private static bool TryWrite(BtfTypes types, TypeId id, Span<byte> bytes, string text)
    {
        BtfType type = types.Resolve(id);
        bool isState = text is "y" or "n" or "m";
        switch (type.Kind)
        {
            case BtfKind.Int when isState && type.IsBool:
                bytes[0] = text == "y" ? (byte)1 : (byte)0;
                return text != "m";
            case BtfKind.Int when isState && type.Size == 1:
                bytes[0] = (byte)text[0];
                return true;
            case BtfKind.Int or BtfKind.Enum when isState:
                bytes[0] = text switch { "y" => 1, "m" => 2, _ => 0 };
                return true;
            case BtfKind.Array when text.Length >= 2 && text[0] == '"' && text[^1] == '"':
                byte[] content = Encoding.UTF8.GetBytes(text[1..^1]);
                content.AsSpan(0, Math.Min(content.Length, Math.Max(bytes.Length - 1, 0))).CopyTo(bytes);
                return true;
            case BtfKind.Int:
                try
                {
                    ValueText.Write(types, id, bytes, text);
                    return true;
                }
                catch (FormatException)
                {
                    return false; // Told by the caller with the variable's name.
                }

            default:
                return false;
        }
    }
}
