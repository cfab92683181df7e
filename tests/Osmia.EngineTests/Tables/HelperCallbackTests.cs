using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Osmia.Btf;
using Osmia.Bytecode;

namespace Osmia.Tests.Tables;

/// <summary>The functions helpers call back: what they are given and what they may return, tried on the kernel.</summary>
[Collection("kernel")]
[SupportedOSPlatform("linux")]
public partial class HelperCallbackTests
{
    private static readonly int[] s_returned = [-1, 0, 1, 2];

    [Fact]
    public void Callbacks_are_given_and_return_what_the_table_says()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        using var builder = new HelperCallBuilder();
        var place = new TrialPlace(ProgramType.SocketFilter, null, TypeId.Void, false);
        var differences = new List<string>();
        int callbacks = 0;
        foreach (Helper helper in HelperTable.All)
        {
            HelperSignature signature = helper.Signatures[0];
            HelperCallback? callback = HelperCallback.Of(helper.Id);
            Assert.Equal(callback is not null, signature.Arguments.Any(argument => argument.Kind == HelperArgumentKind.Function));
            if (callback is null)
            {
                continue;
            }

            callbacks++;
            MapType? map = HelperCallBuilder.MapFor(helper, signature);
            foreach (int value in s_returned)
            {
                TrialVerdict verdict = trial.Load(place, builder.Build(helper, signature, place, map, callbackReturns: value));
                if (verdict.IsAccepted != callback.Returns.Contains(value))
                {
                    differences.Add($"{helper.Name}: callback returns {value}: table {callback.Returns}, kernel {HelperArgumentTests.Message(verdict)}");
                }
            }

            // The state at the callback's first slot.
            TrialCode code = builder.Build(helper, signature, place, map);
            string entry = trial.Load(place, code, logLevel: 2).Log.Split('\n')
                .First(line => line.StartsWith($"{code.CallbackSlot}: ", StringComparison.Ordinal) && line.Contains("R1=", StringComparison.Ordinal));
            string given = string.Join(' ', Registers().Matches(entry).Select(match => $"{match.Groups[1].Value}={match.Groups[2].Value}"));
            string expected = string.Join(' ', callback.Parameters.Select((parameter, i) => $"R{i + 1}={StateOf(parameter)}"));
            if (given != expected)
            {
                differences.Add($"{helper.Name}: table {expected}, kernel {given}: {entry}");
            }
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.Equal(5, callbacks);
    }

    // How the verifier's log writes it.
    private static string StateOf(CallbackParameter parameter) => parameter switch
    {
        CallbackParameter.Scalar => "scalar",
        CallbackParameter.ConstMap => "map_ptr",
        CallbackParameter.MapKey => "map_key",
        CallbackParameter.MapValue => "map_value",
        CallbackParameter.CallerPointer => "fp",
        CallbackParameter.Task => "trusted_ptr_task_struct",
        CallbackParameter.MemoryArea => "ptr_vm_area_struct",
        _ => "dynptr_ptr",
    };

    [GeneratedRegex(@"(R[1-5])=([a-z_]+)")]
    private static partial Regex Registers();
}
