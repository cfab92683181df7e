namespace Osmia.Bytecode.Classic.Expressions;

/// <summary>Comparisons of what packets hold: <c>ip[8] &lt; 64</c>, <c>tcp[tcpflags] &amp; tcp-syn != 0</c>.</summary>
internal sealed partial class FilterParser
{
    private static readonly Dictionary<string, uint> s_constants = new(StringComparer.Ordinal)
    {
        ["icmptype"] = 0, ["icmpcode"] = 1, ["icmp6type"] = 0, ["icmp6code"] = 1, ["tcpflags"] = 13,
        ["icmp-echoreply"] = 0, ["icmp-unreach"] = 3, ["icmp-sourcequench"] = 4, ["icmp-redirect"] = 5, ["icmp-echo"] = 8, ["icmp-routeradvert"] = 9, ["icmp-routersolicit"] = 10,
        ["icmp-timxceed"] = 11, ["icmp-paramprob"] = 12, ["icmp-tstamp"] = 13, ["icmp-tstampreply"] = 14, ["icmp-ireq"] = 15, ["icmp-ireqreply"] = 16, ["icmp-maskreq"] = 17, ["icmp-maskreply"] = 18,
        ["icmp6-destinationunreach"] = 1, ["icmp6-packettoobig"] = 2, ["icmp6-timeexceeded"] = 3, ["icmp6-parameterproblem"] = 4, ["icmp6-echo"] = 128, ["icmp6-echoreply"] = 129,
        ["icmp6-routersolicit"] = 133, ["icmp6-routeradvert"] = 134, ["icmp6-neighborsolicit"] = 135, ["icmp6-neighboradvert"] = 136, ["icmp6-redirect"] = 137,
        ["tcp-fin"] = 0x01, ["tcp-syn"] = 0x02, ["tcp-rst"] = 0x04, ["tcp-push"] = 0x08, ["tcp-ack"] = 0x10, ["tcp-urg"] = 0x20, ["tcp-ece"] = 0x40, ["tcp-cwr"] = 0x80,
    };

    // From the weakest.
    private static readonly string[][] s_operators = [["|", "&", "^"], ["<<", ">>"], ["+", "-"], ["*", "/", "%"]];

    /// <summary>What the protocols of the values ask of the packet.</summary>
    private List<FilterNode> _asked = [];

    private bool MayBeArithmetic() => Token.Text is "(" or "-" or "len" || s_constants.ContainsKey(Token.Text) || TryNumber(Token.Text, out _)
        || (Array.IndexOf(s_protocols, Token.Text) >= 0 && _tokens[_next + 1].Text == "[");

    /// <summary>Reads a comparison; when what stands there is none, nothing is read.</summary>
    private bool TryRelation(out FilterNode? relation)
    {
        int start = _next;
        _asked = [];
        relation = null;
        if (Arithmetic(0) is { } left && Token.Text is "<" or ">" or "<=" or ">=" or "=" or "==" or "!=")
        {
            string sign = Token.Text;
            _next++;
            if (Arithmetic(0) is not { } right)
            {
                _problem ??= new(Token.Position, $"'{Token.Text}' where a value is expected", "a value is a number, len, or bytes of a protocol such as ip[8]");
                return false;
            }

            FilterNode compared = new RelationNode(left, sign switch { ">" or "<=" => JumpOperation.Jgt, "<" or ">=" => JumpOperation.Jge, _ => JumpOperation.Jeq }, right);
            compared = sign is "<" or "<=" or "!=" ? new NotNode(compared) : compared;
            _asked.Add(compared);
            relation = FilterNode.All([.. _asked]);
            return true;
        }

        // A parenthesis around primitives, a bare port: what was complained of then does not matter.
        if (_problem is { Why: BytesWhy } || (_problem is not null && Array.IndexOf(s_protocols, _tokens[start].Text) >= 0))
        {
            return false;
        }

        _problem = null;
        _next = start;
        return false;
    }

    private const string BytesWhy = "bytes are such as ip[8] or tcp[4:4], of 1, 2 or 4 bytes";

    private FilterValue? Arithmetic(int level)
    {
        if (level == s_operators.Length)
        {
            return Value();
        }

        FilterValue? left = Arithmetic(level + 1);
        while (left is not null && Array.IndexOf(s_operators[level], Token.Text) >= 0)
        {
            ArithmeticOperation operation = Token.Text switch
            {
                "|" => ArithmeticOperation.Or,
                "&" => ArithmeticOperation.And,
                "^" => ArithmeticOperation.Xor,
                "<<" => ArithmeticOperation.Lsh,
                ">>" => ArithmeticOperation.Rsh,
                "+" => ArithmeticOperation.Add,
                "-" => ArithmeticOperation.Sub,
                "*" => ArithmeticOperation.Mul,
                "/" => ArithmeticOperation.Div,
                _ => ArithmeticOperation.Mod,
            };
            _next++;

            // As in libpcap, what the right one asks of the packet is not asked; of a comparison both sides are.
            int asked = _asked.Count;
            FilterValue? right = Arithmetic(level + 1);
            _asked.RemoveRange(asked, _asked.Count - asked);
            left = right is not null ? new ArithmeticValue(operation, left, right) : null;
        }

        return left;
    }

    private FilterValue? Value()
    {
        if (_nesting == MaxNesting)
        {
            _ = FailNesting();
            return null;
        }

        _nesting++;
        FilterValue? value = ValueInside();
        _nesting--;
        return value;
    }

    private FilterValue? ValueInside()
    {
        string word = Token.Text;
        if (word == "-")
        {
            _next++;
            return Value() is { } inner ? new NegatedValue(inner) : null;
        }

        if (word == "(")
        {
            _next++;
            return Arithmetic(0) is { } inner && Take(")") ? inner : null;
        }

        if (word == "len")
        {
            _next++;
            return new LengthValue();
        }

        if (s_constants.TryGetValue(word, out uint constant) || TryNumber(word, out constant))
        {
            _next++;
            return new ConstantValue(constant);
        }

        return Array.IndexOf(s_protocols, word) >= 0 && _tokens[_next + 1].Text == "[" ? Bytes(word) : null;
    }

    private FilterValue? Bytes(string protocol)
    {
        FilterToken token = Token;
        _next += 2;
        FilterValue? offset = Arithmetic(0);
        Size size = Size.B;
        if (offset is not null && Take(":"))
        {
            Size? given = Token.Text switch { "1" => Size.B, "2" => Size.H, "4" => Size.W, _ => null };
            if (given is null)
            {
                _problem ??= new(Token.Position, $"{Token.Text} bytes", BytesWhy);
                return null;
            }

            size = given.Value;
            _next++;
        }

        if (offset is null || !Take("]"))
        {
            _problem ??= new(token.Position, $"'{protocol}[' without what it is about", BytesWhy);
            return null;
        }

        switch (protocol)
        {
            case "ether" or "link":
                return new ComputedValue(0, offset, size);
            case "ip" or "ip6" or "arp" or "rarp":
                _asked.Add(_tests.EtherType(protocol switch { "ip" => PacketTests.Ip, "ip6" => PacketTests.Ip6, "arp" => PacketTests.Arp, _ => PacketTests.Rarp }));
                return new ComputedValue(_tests.Link, offset, size);
            case "icmp6":
                _asked.Add(_tests.Ip6Protocol(NumberOf(protocol)));
                return new ComputedValue(_tests.Link + 40, offset, size);
            default:
                _asked.Add(_tests.Ip4Protocol(NumberOf(protocol)));
                _asked.Add(_tests.IsFirst());
                return new BehindHeaderValue(_tests.Link, offset, size);
        }
    }
}
