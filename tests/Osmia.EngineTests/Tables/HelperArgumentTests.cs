using System.Runtime.Versioning;
using Osmia.Bytecode;

namespace Osmia.Tests.Tables;

/// <summary>
/// What helpers take, tried on the kernel: a call written from the row is accepted, and with one argument spoiled it is refused for that
/// argument, in the words for its kind.
/// </summary>
[Collection("kernel")]
[SupportedOSPlatform("linux")]
public class HelperArgumentTests(ITestOutputHelper output)
{
    private const string Memory = "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_";

    [Fact]
    public void A_call_written_from_the_row_is_accepted()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        using var builder = new HelperCallBuilder();
        var differences = new List<string>();
        int accepted = 0;
        int excepted = 0;
        var unmade = new List<string>();
        foreach ((Helper helper, HelperSignature signature, TrialPlace place) in Calls(trial))
        {
            if (!signature.Arguments.All(argument => HelperCallBuilder.CanMake(argument, place)))
            {
                unmade.Add(helper.Name);
                continue;
            }

            TrialVerdict verdict = trial.Load(place, builder.Build(helper, signature, place, HelperCallBuilder.MapFor(helper, signature)));
            if (verdict.IsAccepted)
            {
                accepted++;
            }
            else if (TableExceptions.Holds("call", helper.Name, place.ToString()))
            {
                excepted++;
            }
            else
            {
                differences.Add($"{helper.Name} in {place}: {Message(verdict)}");
            }
        }

        output.WriteLine($"{accepted} calls accepted, {excepted} listed exceptions; not made: {string.Join(' ', unmade)}");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.True(accepted > 150);
    }

    [Fact]
    public void A_wrong_argument_is_refused_in_the_words_for_its_kind()
    {
        Compare((trial, builder, helper, signature, place, i) =>
        {
            HelperArgument argument = signature.Arguments[i];
            if (argument.Kind == HelperArgumentKind.Anything)
            {
                TrialVerdict pointer = Load(trial, builder, helper, signature, place, i, ArgumentFault.WrongKind);
                return pointer.Log.Contains($"R{i + 1} type=", StringComparison.Ordinal) ? Message(pointer) : null;
            }

            TrialVerdict verdict = Load(trial, builder, helper, signature, place, i, ArgumentFault.WrongKind);
            string type = HelperCallBuilder.IsNumber(argument.Kind) ? "fp" : "scalar";
            string expected = $"R{i + 1} type={type} expected={Expected(argument.Kind)}";
            return verdict.Log.Split('\n').Contains(expected) ? null : $"expected '{expected}', {Message(verdict)}";
        });
    }

    [Fact]
    public void Null_is_refused_where_the_table_does_not_allow_it()
    {
        Compare((trial, builder, helper, signature, place, i) =>
        {
            HelperArgument argument = signature.Arguments[i];
            if (argument.Kind == HelperArgumentKind.Anything || HelperCallBuilder.IsNumber(argument.Kind))
            {
                return null;
            }

            TrialVerdict verdict = Load(trial, builder, helper, signature, place, i, ArgumentFault.Null);
            bool refused = verdict.Log.Contains($"R{i + 1} type=scalar", StringComparison.Ordinal);
            return refused == !argument.IsNullable ? null : $"table nullable {argument.IsNullable}: {Message(verdict)}";
        });
    }

    [Fact]
    public void Read_only_memory_is_refused_where_the_helper_writes()
    {
        Compare((trial, builder, helper, signature, place, i) =>
        {
            HelperArgument argument = signature.Arguments[i];
            if (argument.Kind is not (HelperArgumentKind.Memory or HelperArgumentKind.MapKey or HelperArgumentKind.MapValue))
            {
                return null;
            }

            TrialVerdict verdict = Load(trial, builder, helper, signature, place, i, ArgumentFault.ReadOnlyMemory);
            bool refused = verdict.Log.Contains("write into map forbidden", StringComparison.Ordinal);
            return refused == argument.Access is HelperAccess.Write or HelperAccess.ReadWrite ? null : $"table {argument.Access}: {Message(verdict)}";
        });
    }

    [Fact]
    public void Packet_memory_is_refused_where_the_table_does_not_allow_it()
    {
        Compare((trial, builder, helper, signature, place, i) =>
        {
            HelperArgument argument = signature.Arguments[i];
            if (argument.Kind is not (HelperArgumentKind.Memory or HelperArgumentKind.MapKey or HelperArgumentKind.MapValue))
            {
                return null;
            }

            TrialVerdict verdict = Load(trial, builder, helper, signature, place, i, ArgumentFault.PacketMemory);
            bool refused = verdict.Log.Contains("helper access to the packet is not allowed", StringComparison.Ordinal);
            return refused == !signature.Traits.HasFlag(HelperTraits.TakesPacketMemory) ? null : $"table {signature.Traits}: {Message(verdict)}";
        }, place => place.Type == ProgramType.Xdp);
    }

    [Fact]
    public void Maps_go_with_the_helpers_the_table_says()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        using var builder = new HelperCallBuilder();
        var differences = new List<string>();
        int pairs = 0;
        foreach ((Helper helper, HelperSignature signature, TrialPlace place) in Calls(trial))
        {
            // A timer's map is the one the timer is in.
            if (HelperCallBuilder.MapFor(helper, signature) is null || signature.Arguments.Any(argument => argument.Kind == HelperArgumentKind.Timer) || !signature.Arguments.All(argument => HelperCallBuilder.CanMake(argument, place)))
            {
                continue;
            }

            foreach (MapTypeFacts row in MapTypeTable.All.Where(row => row.Type != MapType.StructOps))
            {
                TrialVerdict verdict = trial.Load(place, builder.Build(helper, signature, place, row.Type));
                bool isRefusedForMap = verdict.Log.Contains("cannot pass map_type", StringComparison.Ordinal);
                bool table = MapHelperTable.Allows(row.Type, helper.Id)
                    && (row.Type is not (MapType.Sockmap or MapType.Sockhash) || helper.Id is not (HelperId.MapUpdateElem or HelperId.MapDeleteElem)
                        || MapHelperTable.MayChangeSockmap(place.Type, place.AttachType, helper.Id));
                pairs++;

                // Where the table says no, the kernel may have found another reason first: a key of no bytes, a map programs cannot write.
                if ((table ? isRefusedForMap : verdict.IsAccepted) && !TableExceptions.Holds("map helper", helper.Name, row.Type.ToKernelName()))
                {
                    differences.Add($"{helper.Name} with {row.Type.ToKernelName()} in {place}: table {table}: {Message(verdict)}");
                }
            }
        }

        output.WriteLine($"{pairs} pairs compared");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.True(pairs > 500);
    }

    // Each signature once, in the first program type that has it.
    internal static IEnumerable<(Helper Helper, HelperSignature Signature, TrialPlace Place)> Calls(KernelTrial trial, Func<TrialPlace, bool>? isWanted = null)
    {
        List<TrialPlace> places = [.. trial.Places(out _).Where(place => isWanted?.Invoke(place) ?? true)];
        foreach (Helper helper in HelperTable.All)
        {
            foreach (HelperSignature signature in helper.Signatures)
            {
                bool isLock = signature.Arguments.Any(argument => argument.Kind == HelperArgumentKind.SpinLock);
                TrialPlace? place = places.Where(place => (!isLock || place.Type == ProgramType.SchedCls) && ReferenceEquals(helper.SignatureFor(place.Type, place.AttachType), signature) && !TableExceptions.Holds("helper", helper.Name, place.ToString()))
                    .OrderByDescending(place => signature.Arguments.Count(argument => HelperCallBuilder.CanMake(argument, place))).FirstOrDefault();
                if (place is null)
                {
                    continue;
                }

                bool canSleep = ProgramTypeTable.Find(place.Type)!.MaySleep(place.AttachType);
                if (signature.Traits.HasFlag(HelperTraits.MaySleep) && !canSleep)
                {
                    place = places.FirstOrDefault(place => ReferenceEquals(helper.SignatureFor(place.Type, place.AttachType), signature) && ProgramTypeTable.Find(place.Type)!.MaySleep(place.AttachType));
                }

                if (place is not null)
                {
                    yield return (helper, signature, place with { IsSleepable = place.IsSleepable || signature.Traits.HasFlag(HelperTraits.MaySleep) });
                }
            }
        }
    }

    private void Compare(Func<KernelTrial, HelperCallBuilder, Helper, HelperSignature, TrialPlace, int, string?> judge, Func<TrialPlace, bool>? isWanted = null)
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        using var builder = new HelperCallBuilder();
        var differences = new List<string>();
        int tried = 0;
        int excepted = 0;
        foreach ((Helper helper, HelperSignature signature, TrialPlace place) in Calls(trial, isWanted))
        {
            for (int i = 0; i < signature.Arguments.Count; i++)
            {
                // Those before it must be right for the kernel to come to this one, and those after it must be there.
                if (!signature.Arguments.Take(i).All(argument => HelperCallBuilder.CanMake(argument, place)))
                {
                    break;
                }

                tried++;
                if (judge(trial, builder, helper, signature, place, i) is not { } difference)
                {
                    continue;
                }

                if (TableExceptions.Holds("argument", $"{helper.Name} {i + 1}", place.ToString()))
                {
                    excepted++;
                }
                else
                {
                    differences.Add($"{helper.Name}, argument {i + 1}, in {place}: {difference}");
                }
            }
        }

        output.WriteLine($"{tried} arguments tried, {excepted} listed exceptions");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    private static TrialVerdict Load(KernelTrial trial, HelperCallBuilder builder, Helper helper, HelperSignature signature, TrialPlace place, int index, ArgumentFault fault) =>
        trial.Load(place, builder.Build(helper, signature, place, HelperCallBuilder.MapFor(helper, signature), index, fault));

    internal static string Message(TrialVerdict verdict)
    {
        string[] lines = [.. verdict.Log.Split('\n').Where(line => !line.StartsWith("processed ", StringComparison.Ordinal))];
        return verdict.IsAccepted ? "accepted" : $"{verdict.Error}: {(lines.Length == 0 ? "" : lines[^1])}";
    }

    // The register types that Linux 6.18 names for an argument.
    private static string Expected(HelperArgumentKind kind) => kind switch
    {
        HelperArgumentKind.Context => "ctx",
        HelperArgumentKind.ConstMap => "map_ptr",
        HelperArgumentKind.MapKey or HelperArgumentKind.MapValue or HelperArgumentKind.Memory => Memory,
        HelperArgumentKind.Stack => "fp",
        HelperArgumentKind.Function => "func",
        HelperArgumentKind.Timer or HelperArgumentKind.ConstString => "map_value",
        HelperArgumentKind.SpinLock => "map_value, ptr_",
        HelperArgumentKind.KptrSlot => "map_value, ptr_",
        HelperArgumentKind.Dynptr => "fp, dynptr_ptr",
        HelperArgumentKind.RingbufRecord => "ringbuf_mem",
        HelperArgumentKind.PerCpuPointer => "percpu_ptr_, percpu_rcu_ptr_, percpu_trusted_ptr_",
        HelperArgumentKind.BtfPointer or HelperArgumentKind.Kptr => "ptr_, trusted_ptr_, rcu_ptr_",
        HelperArgumentKind.SocketCommon => "sock_common, sock, tcp_sock, xdp_sock",
        HelperArgumentKind.BtfSocketCommon => "sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_",
        HelperArgumentKind.Socket => "sock",
        _ => "scalar",
    };
}
