using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;

namespace Osmia.Bytecode.Classic.Expressions;

/// <summary>Reads a filter expression: the grammar of pcap-filter(7). "and" and "or" bind alike, from the left; "not" binds the next primitive.</summary>
internal sealed partial class FilterParser(string text)
{
    private static readonly string[] s_protocols = ["ether", "link", "ip", "ip6", "arp", "rarp", "tcp", "udp", "sctp", "icmp", "icmp6", "igmp", "pim", "esp", "ah", "vrrp"];
    private static readonly string[] s_types = ["host", "net", "port", "portrange", "proto"];

    private static readonly string[] s_refused =
    [
        "gateway", "protochain", "mpls", "pppoed", "pppoes", "inbound", "outbound", "ifname", "on", "rset", "ruleset", "rnr", "rulenum", "srnr", "subrulenum", "reason", "action", "wlan", "fddi", "tr",
        "decnet", "iso", "clnp", "esis", "isis", "lat", "moprc", "mopdl", "atalk", "aarp", "netbeui", "ipx", "stp", "geneve", "type", "subtype", "dir", "vpi", "vci", "lane", "llc",
    ];

    // Parentheses, "not" and signs within each other; the reader calls itself for each.
    private const int MaxNesting = 200;

    private List<FilterToken> _tokens = [];
    private int _next;
    private int _nesting;
    private int _testCount;
    private FilterProblem? _problem;
    private PacketTests _tests = new(14);

    // What a bare name after "and" or "or" means: the qualifiers of the primitive before.
    private Qualifiers _last = new("", null, "");

    private readonly record struct Qualifiers(string Protocol, bool? IsSource, string Type);

    private FilterToken Token => _tokens[_next];

    public FilterNode? Parse(out FilterProblem? problem)
    {
        List<FilterToken>? tokens = FilterTokens.Read(text, out int bad);
        if (tokens is null)
        {
            problem = new(bad, $"'{text[bad]}'", "no word and no sign of a filter expression begins so");
            return null;
        }

        _tokens = tokens;
        FilterNode? node = Expression();
        if (node is not null && !Token.IsEnd)
        {
            node = Fail($"'{Token.Text}' where 'and', 'or' or the end is expected", "an expression is primitives joined by and, or, not");
        }

        problem = _problem;
        return node;
    }

    private FilterNode? Expression()
    {
        FilterNode? left = Term();
        while (left is not null && Token.Text is "and" or "&&" or "or" or "||")
        {
            bool isAnd = Token.Text is "and" or "&&";
            _next++;
            FilterNode? right = Term();
            left = right is null ? null : isAnd ? new AndNode(left, right) : new OrNode(left, right);
        }

        return left;
    }

    private FilterNode? Term()
    {
        if (_nesting == MaxNesting)
        {
            return FailNesting();
        }

        _nesting++;
        FilterNode? term = TermInside();
        _nesting--;
        return term;
    }

    private FilterNode? FailNesting() => Fail("the expression nests too deeply", $"parentheses, 'not' and signs go {MaxNesting} deep");

    private FilterNode? TermInside()
    {
        if (Token.Text is "not" or "!")
        {
            _next++;
            return Term() is { } inner ? new NotNode(inner) : null;
        }

        if (MayBeArithmetic() && TryRelation(out FilterNode? relation))
        {
            return Counted(relation);
        }

        if (_problem is not null)
        {
            return null;
        }

        if (Token.Text == "(")
        {
            _next++;
            FilterNode? inner = Expression();
            if (inner is null)
            {
                return null;
            }

            return Take(")") ? inner : Fail("a '(' without its ')'", "parentheses come in pairs");
        }

        return Counted(Primitive());
    }

    // A test takes an instruction at least: more of them do not fit.
    private FilterNode? Counted(FilterNode? test) =>
        test is null || _testCount++ < ClassicProgram.MaxLength ? test : Fail("the expression is too large", $"a filter has at most {ClassicProgram.MaxLength} instructions");

    private FilterNode? Primitive()
    {
        if (!Token.IsWord)
        {
            return Fail(Token.IsEnd ? "the expression ends where a primitive is expected" : $"'{Token.Text}' where a primitive is expected", "a primitive is such as 'tcp', 'host 10.0.0.1', 'port 53'");
        }

        if (Array.IndexOf(s_refused, Token.Text) >= 0)
        {
            return Fail($"'{Token.Text}'", "it is not compiled here: it is of other link types, needs more than the packet, or walks headers");
        }

        switch (Token.Text)
        {
            case "less" or "greater":
                bool isLess = Token.Text == "less";
                _next++;
                return TakeNumber(uint.MaxValue) is not { } limit ? null
                    : isLess ? new NotNode(new TestNode(new LengthValue(), JumpOperation.Jgt, limit)) : new TestNode(new LengthValue(), JumpOperation.Jge, limit);
            case "vlan":
                _next++;
                return Vlan();
            case "broadcast" or "multicast":
                return Cast("ether");
        }

        string protocol = TakeOneOf(s_protocols);
        bool? isSource = null;
        bool hasDirection = Token.Text is "src" or "dst";
        if (hasDirection)
        {
            isSource = Token.Text == "src";
            _next++;
            if (Token.Text is "or" or "and" && _tokens[_next + 1].Text is "src" or "dst")
            {
                if (Token.Text == "and")
                {
                    return Fail("'src and dst'", "write it as two primitives");
                }

                _next += 2;
                isSource = null;
            }
        }

        if (!hasDirection && protocol.Length > 0 && Token.Text is "broadcast" or "multicast")
        {
            return Cast(protocol);
        }

        string type = TakeOneOf(s_types);
        if (protocol.Length == 0 && !hasDirection && type.Length == 0)
        {
            return Identifier(_last);
        }

        bool isAlone = !hasDirection && type.Length == 0 && (!Token.IsWord || Token.Text is "and" or "or" or "not");
        if (isAlone)
        {
            return Alone(protocol);
        }

        _last = new Qualifiers(protocol, isSource, type);
        return Identifier(_last);
    }

    private FilterNode? Alone(string protocol) => protocol switch
    {
        "ip" => _tests.EtherType(PacketTests.Ip),
        "ip6" => _tests.EtherType(PacketTests.Ip6),
        "arp" => _tests.EtherType(PacketTests.Arp),
        "rarp" => _tests.EtherType(PacketTests.Rarp),
        "icmp" or "igmp" or "vrrp" => _tests.Ip4Protocol(NumberOf(protocol)),
        "icmp6" => _tests.Ip6Protocol(NumberOf(protocol)),
        "ether" or "link" => Fail($"'{protocol}' alone", "say which: ether host ADDRESS, ether proto NUMBER"),
        _ => _tests.Protocol(NumberOf(protocol)),
    };

    private FilterNode? Cast(string protocol)
    {
        bool isBroadcast = Token.Text == "broadcast";
        FilterNode? node = (protocol, isBroadcast) switch
        {
            ("ether" or "link", true) => PacketTests.Hardware([0xff, 0xff, 0xff, 0xff, 0xff, 0xff], isSource: false),
            ("ether" or "link", false) => new TestNode(new FixedValue(0, Size.B), JumpOperation.Jset, 1),
            ("ip", false) => FilterNode.All(_tests.EtherType(PacketTests.Ip), new TestNode(new FixedValue(_tests.Link + 16, Size.B), JumpOperation.Jge, 224)),
            ("ip6", false) => FilterNode.All(_tests.EtherType(PacketTests.Ip6), _tests.Byte(24, 255)),
            ("ip", true) => Fail("'ip broadcast'", "it needs the netmask of the network, which a capture does not tell"),
            _ => Fail($"'{protocol} {Token.Text}'", "the protocol has no such addresses"),
        };
        if (node is not null)
        {
            _next++;
        }

        return node;
    }

    private FilterNode? Vlan()
    {
        FilterNode tagged = FilterNode.Any(_tests.EtherType(0x8100), _tests.EtherType(0x88a8), _tests.EtherType(0x9100));
        if (Token.IsWord && char.IsAsciiDigit(Token.Text[0]))
        {
            if (TakeNumber(4095) is not { } id)
            {
                return null;
            }

            tagged = FilterNode.All(tagged, new TestNode(new FixedValue(_tests.Link, Size.H), JumpOperation.Jeq, id) { Mask = 0xfff });
        }

        // What follows is behind the tag.
        _tests = new PacketTests(_tests.Link + 4);
        return tagged;
    }

    private FilterNode? Identifier(Qualifiers qualifiers)
    {
        if (!Token.IsWord || Token.Text is "and" or "or" or "not")
        {
            return Fail($"'{$"{qualifiers.Protocol} {qualifiers.Type}".Trim()}' without what it is about", "a primitive ends with an address, a network, a port or a number");
        }

        return qualifiers switch
        {
            { Type: "port" or "portrange" } => Ports(qualifiers),
            { Type: "proto" } => Protocol(qualifiers),
            { Protocol: "ether" or "link" } => Hardware(qualifiers),
            { Protocol: "" or "ip" or "ip6" or "arp" or "rarp" } => Address(qualifiers),
            _ => Fail($"'{qualifiers.Protocol}' in front of an address", "the protocol has no addresses; write 'tcp and host ADDRESS'"),
        };
    }

    private FilterNode? Ports(Qualifiers qualifiers)
    {
        byte[]? protocols = qualifiers.Protocol switch
        {
            "tcp" => [PacketTests.Tcp],
            "udp" => [PacketTests.Udp],
            "sctp" => [PacketTests.Sctp],
            "" => [PacketTests.Sctp, PacketTests.Tcp, PacketTests.Udp],
            _ => null,
        };
        if (protocols is null)
        {
            return Fail($"'{qualifiers.Protocol} {qualifiers.Type}'", "ports are of tcp, udp and sctp");
        }

        string[] ends = qualifiers.Type == "portrange" ? Token.Text.Split('-') : [Token.Text, Token.Text];
        if (ends is [var from, var to] && TryNumber(from, out uint first) && TryNumber(to, out uint last) && first <= ushort.MaxValue && last <= ushort.MaxValue)
        {
            _next++;
            return _tests.Ports(protocols, qualifiers.IsSource, Math.Min(first, last), Math.Max(first, last));
        }

        return Fail($"{qualifiers.Type} '{Token.Text}'", qualifiers.Type == "port" ? "a port is a number from 0 to 65535; names of services are not looked up" : "a range of ports is such as 1-1023");
    }

    private FilterNode? Protocol(Qualifiers qualifiers)
    {
        string word = Token.Text.TrimStart('\\');
        bool isEther = qualifiers.Protocol is "ether" or "link";
        uint? number = TryNumber(word, out uint value) ? value
            : isEther ? word switch { "ip" => PacketTests.Ip, "ip6" => PacketTests.Ip6, "arp" => PacketTests.Arp, "rarp" => PacketTests.Rarp, _ => null }
            : Array.IndexOf(s_protocols, word) >= 6 ? NumberOf(word) : null;
        if (number is not { } known || known > (isEther ? ushort.MaxValue : byte.MaxValue) || (isEther && known <= 1500))
        {
            return Fail($"proto '{Token.Text}'", isEther ? "a number from 1501 to 65535, or \\ip, \\ip6, \\arp, \\rarp" : "a number from 0 to 255, or a protocol's name behind \\");
        }

        FilterNode? node = qualifiers.Protocol switch
        {
            "ether" or "link" => _tests.EtherType(known),
            "ip" => _tests.Ip4Protocol(known),
            "ip6" => _tests.Ip6Protocol(known),
            "" => _tests.Protocol(known),
            _ => Fail($"'{qualifiers.Protocol} proto'", "protocols are of ether, ip and ip6"),
        };
        _next += node is null ? 0 : 1;
        return node;
    }

    private FilterNode? Hardware(Qualifiers qualifiers)
    {
        if (Token.Text.Split(':').Length != 6 || !PhysicalAddress.TryParse(string.Join('-', Token.Text.Split(':').Select(part => part.PadLeft(2, '0'))).ToUpperInvariant(), out PhysicalAddress? address))
        {
            return Fail($"ether host '{Token.Text}'", "a hardware address is six bytes in hex, such as 02:00:00:00:00:01");
        }

        _next++;
        return PacketTests.Hardware(address.GetAddressBytes(), qualifiers.IsSource);
    }

    private FilterNode? Address(Qualifiers qualifiers)
    {
        string[] parts = Token.Text.Split('/');
        bool isNet = qualifiers.Type == "net";
        IPAddress? address = Addressed(parts[0], isNet, out int prefix);
        if (address is null || parts.Length > 2 || (parts.Length == 2 && (!int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out prefix) || prefix > address.GetAddressBytes().Length * 8)))
        {
            return Fail($"'{Token.Text}'", "an address is such as 10.0.0.1, 10.0.0.0/8 or fe80::1; names are not looked up");
        }

        bool isIp6 = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        if ((isIp6 && qualifiers.Protocol is not ("" or "ip6")) || (!isIp6 && qualifiers.Protocol == "ip6"))
        {
            return Fail($"'{qualifiers.Protocol}' in front of '{Token.Text}'", "the address is of another protocol");
        }

        if (parts.Length == 2 && HasMore(address, prefix))
        {
            return Fail($"'{Token.Text}'", $"bits are set behind the first {prefix}");
        }

        string network = Token.Text;
        _next++;
        if (isNet && Token.Text == "mask" && parts.Length == 1)
        {
            _next++;
            if (isIp6 || Addressed(Token.Text, isNet: false, out _) is not { AddressFamily: System.Net.Sockets.AddressFamily.InterNetwork } mask || System.Numerics.BitOperations.LeadingZeroCount(~Bits(mask)) + System.Numerics.BitOperations.TrailingZeroCount(Bits(mask)) is not 32 and not 64)
            {
                return Fail($"mask '{Token.Text}'", "a mask is such as 255.255.0.0");
            }

            prefix = System.Numerics.BitOperations.PopCount(Bits(mask));
            if (HasMore(address, prefix))
            {
                return Fail($"'{network}' with mask '{Token.Text}'", $"bits are set behind the first {prefix}");
            }

            _next++;
        }

        ushort family = qualifiers.Protocol switch { "ip" => PacketTests.Ip, "arp" => PacketTests.Arp, "rarp" => PacketTests.Rarp, _ => 0 };
        return _tests.Network(address, prefix, family, qualifiers.IsSource);
    }

    /// <summary>An address has bits behind its first ones.</summary>
    private static bool HasMore(IPAddress address, int prefix)
    {
        byte[] bytes = address.GetAddressBytes();
        for (int bit = prefix; bit < bytes.Length * 8; bit++)
        {
            if ((bytes[bit / 8] & (0x80 >> (bit % 8))) != 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A network may leave its last bytes out.</summary>
    private static IPAddress? Addressed(string word, bool isNet, out int prefix)
    {
        prefix = 0;
        if (word.Contains(':', StringComparison.Ordinal))
        {
            prefix = 128;
            return IPAddress.TryParse(word, out IPAddress? address) ? address : null;
        }

        string[] parts = word.Split('.');
        if (parts.Length > 4 || (parts.Length < 4 && !isNet))
        {
            return null;
        }

        byte[] bytes = new byte[4];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!byte.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out bytes[i]))
            {
                return null;
            }
        }

        prefix = parts.Length * 8;
        return new IPAddress(bytes);
    }

    private static uint Bits(IPAddress mask) => mask.GetAddressBytes() is { Length: 4 } bytes ? System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes) : 0;

    private static uint NumberOf(string protocol) => protocol switch
    {
        "icmp" => 1,
        "igmp" => 2,
        "tcp" => PacketTests.Tcp,
        "udp" => PacketTests.Udp,
        "esp" => 50,
        "ah" => 51,
        "icmp6" => 58,
        "pim" => 103,
        "vrrp" => 112,
        _ => PacketTests.Sctp,
    };

    private string TakeOneOf(string[] words)
    {
        if (Array.IndexOf(words, Token.Text) < 0)
        {
            return "";
        }

        return _tokens[_next++].Text;
    }

    private bool Take(string sign)
    {
        if (Token.Text != sign)
        {
            return false;
        }

        _next++;
        return true;
    }

    private uint? TakeNumber(uint maximum)
    {
        if (TryNumber(Token.Text, out uint number) && number <= maximum)
        {
            _next++;
            return number;
        }

        Fail($"'{Token.Text}' where a number is expected", $"it must be at most {maximum}");
        return null;
    }

    private static bool TryNumber(string word, out uint number) => ClassicText.TryNumber(word, uint.MaxValue, out number);

    private FilterNode? Fail(string what, string why)
    {
        _problem ??= new(Token.Position, what, why);
        return null;
    }
}
