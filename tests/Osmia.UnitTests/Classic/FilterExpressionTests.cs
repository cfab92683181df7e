using Osmia.Bytecode.Classic;
using Osmia.Bytecode.Classic.Expressions;

namespace Osmia.Tests.Classic;

/// <summary>Expressions of tcpdump: what comes of them, and what is said of those that are not compiled. That they match the right packets libpcap judges.</summary>
public class FilterExpressionTests
{
    [Fact]
    public void An_expression_becomes_the_filter_one_would_write()
    {
        ClassicProgram program = FilterExpression.Compile("ip and udp", out FilterProblem? problem, 60)!;
        Assert.Null(problem);
        using var text = new StringWriter { NewLine = "\n" };
        ClassicListing.Write(text, program);
        Assert.StartsWith("(000) ldh      [12]\n(001) jeq      #0x800           jt 2\tjf ", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("ret      #60\n", text.ToString(), StringComparison.Ordinal);
        Assert.Single(FilterExpression.Compile("  ", out _)!.Instructions);
    }

    [Fact]
    public void Jumps_too_far_for_a_byte_go_by_longer_ones()
    {
        string hosts = string.Join(" or ", Enumerable.Range(0, 120).Select(i => $"src host 10.0.0.{i}"));
        ClassicProgram program = FilterExpression.Compile($"not ({hosts})", out _)!;
        Assert.True(program.Instructions.Length > 500);
        Assert.Null(ClassicCheck.Check(program));
        Assert.Contains(program.Instructions, one => one is { Class: ClassicClass.Jmp, Jump: Osmia.Bytecode.JumpOperation.Ja });
    }

    [Theory]
    [InlineData("(")]
    [InlineData("not (")]
    [InlineData("! ! ")]
    [InlineData("ip[")]
    [InlineData("ip[0] = -(")]
    [InlineData("len = - ")]
    [InlineData("tcp or ")]
    [InlineData("ip[0] = 1 + ")]
    public void Expressions_without_end_are_refused(string part)
    {
        string text = string.Concat(Enumerable.Repeat(part, 200_000)) + "1";
        Assert.Null(FilterExpression.Compile(text, out FilterProblem? problem));
        Assert.NotNull(problem);
    }

    [Fact]
    public void A_sum_of_many_terms_is_a_filter_or_is_refused()
    {
        string sum = string.Concat(Enumerable.Repeat("1 + ", 500)) + "1";
        Assert.NotNull(FilterExpression.Compile($"len = {sum}", out _));
        Assert.Null(FilterExpression.Compile($"len = {string.Concat(Enumerable.Repeat("len + ", 200_000))} 1", out FilterProblem? problem));
        Assert.NotNull(problem);
    }

    [Theory]
    [InlineData("tcp port https", 9, "port 'https'")]
    [InlineData("port 70000", 5, "port '70000'")]
    [InlineData("host", 4, "'host' without what it is about")]
    [InlineData("host 10.0.0", 5, "'10.0.0'")]
    [InlineData("net 10.0.0.0/33", 4, "'10.0.0.0/33'")]
    [InlineData("ip host fe80::1", 8, "'ip' in front of 'fe80::1'")]
    [InlineData("tcp host 10.0.0.1", 9, "'tcp' in front of an address")]
    [InlineData("icmp port 5", 10, "'icmp port'")]
    [InlineData("ether host 02:00", 11, "ether host '02:00'")]
    [InlineData("ether proto 5", 12, "proto '5'")]
    [InlineData("ip proto 256", 9, "proto '256'")]
    [InlineData("ip broadcast", 3, "'ip broadcast'")]
    [InlineData("vlan 5000", 5, "'5000' where a number is expected")]
    [InlineData("net 10.0.0.1/8", 4, "'10.0.0.1/8'")]
    [InlineData("net fe80::1/64", 4, "'fe80::1/64'")]
    [InlineData("net 10.0.0.1 mask 255.0.0.0", 18, "'10.0.0.1' with mask '255.0.0.0'")]
    [InlineData("net 10.0.0.0 mask ::1", 18, "mask '::1'")]
    [InlineData("net fe80::1 mask 255.0.0.0", 17, "mask '255.0.0.0'")]
    [InlineData("tcp and", 7, "the expression ends where a primitive is expected")]
    [InlineData("(tcp", 4, "a '(' without its ')'")]
    [InlineData("tcp)", 3, "')' where 'and', 'or' or the end is expected")]
    [InlineData("tcp udp", 4, "'tcp' in front of an address")]
    [InlineData("ip[8:3] = 1", 5, "3 bytes")]
    [InlineData("ip[8 = 1", 0, "'ip[' without what it is about")]
    [InlineData("len >", 5, "'' where a value is expected")]
    [InlineData("gateway 10.0.0.1", 0, "'gateway'")]
    [InlineData("src and dst port 5", 4, "'src and dst'")]
    [InlineData("tcp @ udp", 4, "'@'")]
    public void What_is_not_compiled_is_named_with_its_place(string expression, int position, string what)
    {
        Assert.Null(FilterExpression.Compile(expression, out FilterProblem? problem));
        Assert.Equal((what, position), (problem!.What, problem.Position));
        Assert.NotEmpty(problem.Why);
    }

    [Fact]
    public void Expressions_too_deep_for_scratch_memory_are_refused()
    {
        string deep = string.Concat(Enumerable.Repeat("(len + ", 20)) + "ip[0]" + new string(')', 20);
        Assert.Null(FilterExpression.Compile($"{deep} > 5", out FilterProblem? problem));
        Assert.Equal("the expression is too large", problem!.What);
    }
}
