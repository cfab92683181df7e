using System.Runtime.Versioning;
using Osmia.Bytecode;

namespace Osmia.Tests.Tables;

/// <summary>What is so after a helper returned: its result, the packet pointers, the references.</summary>
[Collection("kernel")]
[SupportedOSPlatform("linux")]
public class HelperResultTests(ITestOutputHelper output)
{
    [Fact]
    public void Results_are_of_the_kind_the_table_says()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        using var builder = new HelperCallBuilder();
        Compare("call", HelperArgumentTests.Calls(trial), (helper, signature, place) =>
        {
            TrialVerdict verdict = trial.Load(place, builder.Build(helper, signature, place, HelperCallBuilder.MapFor(helper, signature)), logLevel: 2);
            string found = StateAfter(verdict.Log, $"call bpf_{helper.Name}#{(int)helper.Id}");
            string expected = StateOf(signature.Return);
            return found == expected ? null : $"table {expected}, kernel {found}, {HelperArgumentTests.Message(verdict)}";
        });
    }

    [Fact]
    public void Packet_pointers_end_with_the_calls_the_table_names()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        using var builder = new HelperCallBuilder();
        Compare("packet", HelperArgumentTests.Calls(trial, HelperCallBuilder.HasPacket), (helper, signature, place) =>
        {
            TrialVerdict verdict = trial.Load(place, builder.Build(helper, signature, place, HelperCallBuilder.MapFor(helper, signature), end: CallEnd.ReadPacket));
            bool kernel = verdict.Log.Contains("R1 invalid mem access 'scalar'", StringComparison.Ordinal);
            return kernel == signature.Traits.HasFlag(HelperTraits.ChangesPacket) && (kernel || verdict.IsAccepted) ? null : $"table {!kernel}: {HelperArgumentTests.Message(verdict)}";
        });
    }

    [Fact]
    public void References_are_acquired_where_the_table_says()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        using var builder = new HelperCallBuilder();
        Compare("call", HelperArgumentTests.Calls(trial), (helper, signature, place) =>
        {
            TrialVerdict verdict = trial.Load(place, builder.Build(helper, signature, place, HelperCallBuilder.MapFor(helper, signature), end: CallEnd.Keep));
            bool kernel = verdict.Log.Contains("Unreleased reference", StringComparison.Ordinal);

            // A dynptr of a ring buffer is owned as the record is.
            bool table = signature.Traits.HasFlag(HelperTraits.AcquiresReference)
                || signature.Arguments.Any(argument => argument is { Kind: HelperArgumentKind.Dynptr, Access: HelperAccess.Write, TypeName: "ringbuf" });
            return kernel == table ? null : $"table {table}: {HelperArgumentTests.Message(verdict)}";
        });
    }

    private void Compare(string check, IEnumerable<(Helper Helper, HelperSignature Signature, TrialPlace Place)> calls, Func<Helper, HelperSignature, TrialPlace, string?> judge)
    {
        var differences = new List<string>();
        int compared = 0;
        int excepted = 0;
        foreach ((Helper helper, HelperSignature signature, TrialPlace place) in calls)
        {
            if (!signature.Arguments.All(argument => HelperCallBuilder.CanMake(argument, place)))
            {
                continue;
            }

            compared++;
            if (judge(helper, signature, place) is not { } difference)
            {
                continue;
            }

            if (TableExceptions.Holds(check, helper.Name, place.ToString()))
            {
                excepted++;
            }
            else
            {
                differences.Add($"{helper.Name} in {place}: {difference}");
            }
        }

        output.WriteLine($"{compared} calls compared, {excepted} listed exceptions");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.True(compared > 100);
    }

    // r0 stands at the end of the call's line, or in a line of its own before the next instruction. Earlier calls made arguments.
    private static string StateAfter(string log, string call)
    {
        string[] lines = log.Split('\n');
        int at = Array.FindLastIndex(lines, line => line.Contains(call, StringComparison.Ordinal) && !line.Contains("....", StringComparison.Ordinal));
        for (int i = at; i >= 0 && i < lines.Length && (i == at || !lines[i].Contains(": (", StringComparison.Ordinal) || lines[i].StartsWith("mark_precise", StringComparison.Ordinal)); i++)
        {
            int state = lines[i].IndexOf("R0=", StringComparison.Ordinal);
            if (state >= 0)
            {
                return lines[i][(state + 3)..].Split('(', ' ')[0];
            }
        }

        return "nothing";
    }

    // How the verifier's log writes it.
    private static string StateOf(HelperReturn result) => result.Kind switch
    {
        HelperReturnKind.Void => "nothing",
        HelperReturnKind.MapValue => "map_value",
        HelperReturnKind.Socket => "sock",
        HelperReturnKind.SocketCommon => "sock_common",
        HelperReturnKind.TcpSocket => "tcp_sock",
        HelperReturnKind.RingbufRecord => "ringbuf_mem",
        HelperReturnKind.DynptrMemory => "mem",
        HelperReturnKind.BtfPointer => (result.IsTrusted ? "trusted_ptr_" : "ptr_") + (result.IsNullable ? "or_null_" : "") + result.TypeName,
        _ => "scalar",
    } + (result.IsNullable && result.Kind != HelperReturnKind.BtfPointer ? "_or_null" : "");
}
