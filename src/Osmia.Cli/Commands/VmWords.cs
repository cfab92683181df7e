using System.CommandLine;
using Osmia.Vm;

namespace Osmia.Cli.Commands;

/// <summary>The words for tiers and modes of the virtual machine.</summary>
internal static class VmWords
{
    public const string Verified = "verified";

    public static Option<string> TierOption()
    {
        Option<string> tier = new("--tier") { Description = "what runs the program in the VM", HelpName = "auto|interpreter|il|x64", DefaultValueFactory = _ => "auto" };
        tier.AcceptOnlyFromAmong("auto", "interpreter", "il", "x64");
        return tier;
    }

    /// <param name="standard">Without the option.</param>
    /// <param name="canVerify">Whether the command can ask the verifier first.</param>
    public static Option<string> ModeOption(string standard, bool canVerify)
    {
        string[] words = canVerify ? ["checked", "metered", Verified] : ["checked", "metered"];
        Option<string> mode = new("--mode")
        {
            Description = "checked: every access is checked; metered: and a run ends at its budget" + (canVerify ? "; verified: what the verifier accepts runs without checks" : ""),
            HelpName = string.Join('|', words),
            DefaultValueFactory = _ => standard,
        };
        mode.AcceptOnlyFromAmong(words);
        return mode;
    }

    public static VmTier Tier(string word) => word switch
    {
        "interpreter" => VmTier.Interpreter,
        "il" => VmTier.Il,
        "x64" => VmTier.X64,
        _ => VmTier.Auto,
    };

    public static VmMode Mode(string word) => word == "checked" ? VmMode.Checked : VmMode.Metered;

    public static string Of(VmTier tier) => tier switch
    {
        VmTier.Interpreter => "interpreter",
        VmTier.Il => "il",
        VmTier.X64 => "x64",
        _ => "auto",
    };
}
