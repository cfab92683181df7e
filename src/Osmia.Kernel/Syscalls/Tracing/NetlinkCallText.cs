using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Osmia.Kernel.Syscalls.Tracing;

/// <summary>Messages of rtnetlink(7) as text.</summary>
internal static class NetlinkCallText
{
    private const int HeaderSize = 16;
    private const int TrafficHeader = 20;
    private const int LinkHeader = 16;
    private const int RouteHeader = 12;

    private static readonly (ushort Flag, string Name)[] s_requestFlags = [(1, "NLM_F_REQUEST"), (2, "NLM_F_MULTI"), (4, "NLM_F_ACK"), (8, "NLM_F_ECHO")];
    private static readonly (ushort Flag, string Name)[] s_newFlags = [(0x100, "NLM_F_REPLACE"), (0x200, "NLM_F_EXCL"), (0x400, "NLM_F_CREATE"), (0x800, "NLM_F_APPEND")];
    private static readonly (ushort Flag, string Name)[] s_getFlags = [(0x300, "NLM_F_DUMP")];

    public static string Sent(int socket, ReadOnlySpan<byte> message) => $"sendto({socket}, {Message(message)}, {message.Length}, 0, NULL, 0)";

    public static string Received(int socket, ReadOnlySpan<byte> message) => $"recvfrom({socket}, {Message(message)}, ...)";

    private static string Message(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderSize)
        {
            return SyscallTrace.Quote(bytes);
        }

        int length = Math.Clamp(BinaryPrimitives.ReadInt32LittleEndian(bytes), HeaderSize, bytes.Length);
        ushort type = BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]);
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]);
        ReadOnlySpan<byte> body = bytes[HeaderSize..length];
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"[{{nlmsg_len={length}, nlmsg_type={TypeName(type)}, nlmsg_flags={FlagNames(type, flags)}, nlmsg_seq={BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..])}}}");
        if (type == 2 && body.Length >= 4)
        {
            int error = BinaryPrimitives.ReadInt32LittleEndian(body);
            text.Append(CultureInfo.InvariantCulture, $", {{error={(error == 0 ? "0" : "-" + Errno.Name(-error))}}}");
        }
        else if (type is >= 36 and <= 50 && body.Length >= TrafficHeader)
        {
            text.Append(CultureInfo.InvariantCulture,
                $", {{tcm_ifindex={BinaryPrimitives.ReadInt32LittleEndian(body[4..])}, tcm_handle=0x{BinaryPrimitives.ReadUInt32LittleEndian(body[8..]):x}, tcm_parent=0x{BinaryPrimitives.ReadUInt32LittleEndian(body[12..]):x}, tcm_info=0x{BinaryPrimitives.ReadUInt32LittleEndian(body[16..]):x}}}");
            NetlinkAttributes.Append(text, body[TrafficHeader..], type is >= 44 and <= 46 ? NetlinkAttributes.Filter : NetlinkAttributes.Traffic);
        }
        else if (type is >= 24 and <= 26 && body.Length >= RouteHeader)
        {
            text.Append(CultureInfo.InvariantCulture, $", {{rtm_family={body[0]}, rtm_dst_len={body[1]}, rtm_table={body[4]}, rtm_scope={body[6]}}}");
            NetlinkAttributes.Append(text, body[RouteHeader..], NetlinkAttributes.Route);
        }
        else if (type is >= 16 and <= 19 && body.Length >= LinkHeader)
        {
            text.Append(CultureInfo.InvariantCulture, $", {{ifi_index={BinaryPrimitives.ReadInt32LittleEndian(body[4..])}}}");
            NetlinkAttributes.Append(text, body[LinkHeader..], NetlinkAttributes.Link);
        }
        else if (body.Length > 0)
        {
            text.Append(", ").Append(SyscallTrace.Quote(body));
        }

        return text.Append(']').ToString();
    }

    private static string FlagNames(ushort type, ushort flags)
    {
        var parts = new List<string>();
        bool isNew = type is 16 or 20 or 24 or 36 or 40 or 44;
        foreach ((ushort flag, string name) in s_requestFlags.Concat(isNew ? s_newFlags : s_getFlags))
        {
            if ((flags & flag) == flag)
            {
                parts.Add(name);
                flags &= (ushort)~flag;
            }
        }

        if (flags != 0 || parts.Count == 0)
        {
            parts.Add($"0x{flags:x}");
        }

        return string.Join('|', parts);
    }

    private static string TypeName(ushort type) => type switch
    {
        2 => "NLMSG_ERROR",
        3 => "NLMSG_DONE",
        16 => "RTM_NEWLINK",
        17 => "RTM_DELLINK",
        18 => "RTM_GETLINK",
        19 => "RTM_SETLINK",
        24 => "RTM_NEWROUTE",
        25 => "RTM_DELROUTE",
        26 => "RTM_GETROUTE",
        36 => "RTM_NEWQDISC",
        37 => "RTM_DELQDISC",
        38 => "RTM_GETQDISC",
        40 => "RTM_NEWTCLASS",
        41 => "RTM_DELTCLASS",
        42 => "RTM_GETTCLASS",
        44 => "RTM_NEWTFILTER",
        45 => "RTM_DELTFILTER",
        46 => "RTM_GETTFILTER",
        48 => "RTM_NEWACTION",
        50 => "RTM_GETACTION",
        _ => $"0x{type:x} /* RTM_??? */",
    };
}
