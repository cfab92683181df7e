using Osmia.Objects;

namespace Osmia.Tests.Objects;

public class ValueTextTests
{
    private static readonly BpfObject s_firewall = BpfObject.Read(RepositoryFiles.PathOf("samples", "firewall", "firewall.bpf.o"));
    private static readonly BpfObject s_execsnoop = BpfObject.Read(RepositoryFiles.PathOf("samples", "execsnoop", "execsnoop.bpf.o"));

    [Theory]
    [InlineData("targ_ppid", "123", "7b000000")]
    [InlineData("targ_ppid", "0x10", "10000000")]
    [InlineData("targ_ppid", "-1", "ffffffff")]
    [InlineData("targ_uid", "-2", "feffffff")]
    [InlineData("targ_cgroup", "18446744073709551615", "ffffffffffffffff")]
    [InlineData("targ_with_failed", "true", "01")]
    [InlineData("targ_with_failed", "no", "00")]
    public void Variables_take_text_by_their_type(string name, string text, string hex)
    {
        BpfVariable variable = s_execsnoop.FindVariable(name)!;
        ValueText.Set(s_execsnoop.Types, variable, text);
        Assert.Equal(hex, Convert.ToHexStringLower(variable.InitialValue));
    }

    [Theory]
    [InlineData("targ_ppid", "4294967296")]
    [InlineData("targ_ppid", "abc")]
    [InlineData("targ_ppid", "")]
    [InlineData("targ_uid", "2147483648")]
    [InlineData("targ_with_failed", "maybe")]
    public void Text_that_does_not_fit_is_refused(string name, string text)
    {
        BpfVariable variable = s_execsnoop.FindVariable(name)!;
        Assert.Throws<FormatException>(() => ValueText.Set(s_execsnoop.Types, variable, text));
    }

    [Fact]
    public void Prefix_keys_take_an_address_and_a_length()
    {
        BpfMap map = s_firewall.FindMap("denylist")!;
        byte[] key = new byte[map.KeySize];
        ValueText.Write(s_firewall.Types, map.KeyType, key, "10.66.0.0/16");
        Assert.Equal("100000000a420000", Convert.ToHexStringLower(key));
    }

    [Fact]
    public void Ports_are_written_in_network_order()
    {
        BpfMap map = s_firewall.FindMap("blocked_ports")!;
        byte[] key = new byte[map.KeySize];
        ValueText.Write(s_firewall.Types, map.KeyType, key, "443");
        Assert.Equal("01bb", Convert.ToHexStringLower(key));
    }

    [Theory]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0/8")]
    [InlineData("::1/64")]
    public void Bad_prefixes_are_refused(string text)
    {
        BpfMap map = s_firewall.FindMap("denylist")!;
        Assert.Throws<FormatException>(() => ValueText.Write(s_firewall.Types, map.KeyType, new byte[map.KeySize], text));
    }
}
