namespace Osmia.Tests.Classic;

/// <summary>Filter expressions at random, of what both compilers take.</summary>
internal sealed class ExpressionGenerator(Random random)
{
    private static readonly string[] s_protocols = ["ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6", "igmp"];
    private static readonly string[] s_directions = ["", "src ", "dst ", "src or dst "];
    private static readonly string[] s_addresses = ["192.168.1.10", "192.168.1.1", "10.0.0.5", "fe80::1", "2001:db8::1"];
    private static readonly string[] s_networks = ["192.168.0.0/16", "10.0.0.0/8", "192.168.1.0/25", "2001:db8::/32", "fe80::/10", "192.168.1"];
    private static readonly string[] s_relations = ["<", ">", "<=", ">=", "=", "!="];
    private static readonly string[] s_operators = ["+", "-", "*", "&", "|"];
    private static readonly string[] s_bytes = ["ip", "ip6", "tcp", "udp", "icmp", "ether", "arp"];
    private static readonly int[] s_ports = [22, 53, 67, 68, 80, 123, 443, 5353, 8080];

    public string Next() => Expression(random.Next(4));

    private string Expression(int depth) => depth == 0 ? Primitive()
        : random.Next(5) switch
        {
            0 => $"not {Inner(depth)}",
            1 or 2 => $"{Inner(depth)} and {Inner(depth)}",
            _ => $"{Inner(depth)} or {Inner(depth)}",
        };

    private string Inner(int depth) => random.Next(3) == 0 ? Primitive() : $"({Expression(depth - 1)})";

    private string Primitive() => random.Next(12) switch
    {
        0 or 1 => Pick(s_protocols),
        2 => $"{Pick(["", "tcp ", "udp "])}{Pick(s_directions)}port {Pick(s_ports)}",
        3 => $"{Pick(["", "tcp ", "udp "])}portrange {random.Next(1, 500)}-{random.Next(500, 60000)}",
        4 => $"{Pick(s_directions)}host {Pick(s_addresses)}",
        5 => $"{Pick(s_directions)}net {Pick(s_networks)}",
        6 => $"{Pick(["less", "greater"])} {random.Next(1600)}",
        7 => Pick(["ether multicast", "ip multicast", "ip6 multicast", "broadcast"]),
        8 => $"{Pick(["ip", "ip6"])} proto {Pick([1, 6, 17, 58])}",
        _ => $"{Value(2)} {Pick(s_relations)} {Value(random.Next(2))}",
    };

    private string Value(int depth) => depth == 0 || random.Next(4) == 0
        ? random.Next(3) == 0 ? "len" : $"{random.Next(random.Next(2) == 0 ? 10 : 70000)}"
        : random.Next(2) == 0 ? $"{Pick(s_bytes)}[{random.Next(20)}:{Pick([1, 2, 4])}]" : $"({Value(depth - 1)} {Pick(s_operators)} {Value(depth - 1)})";

    private T Pick<T>(T[] values) => values[random.Next(values.Length)];
}
