using Osmia.Objects.Diagnostics;

namespace Osmia.Cli;

/// <summary>An error as a JSON value: <c>error</c> as bpftool has it, and what else is known.</summary>
internal static class ErrorJson
{
    /// <param name="trap">What a program was stopped by: slot, instruction and registers are told too.</param>
    public static void Write(Diagnostic diagnostic, TrapException? trap = null) => JsonOutput.Write(pretty: false, json =>
    {
        json.WriteStartObject();
        json.WriteString("error", diagnostic.What);
        json.WriteString("id", diagnostic.Id);
        Add("where", diagnostic.Where);
        Add("story", diagnostic.Story);
        Add("why", diagnostic.Why);
        Add("try", diagnostic.Try);
        if (trap is not null)
        {
            json.WriteNumber("slot", trap.Slot);
            json.WriteString("instruction", TrapText.InstructionOf(trap));
            json.WriteStartObject("registers");
            foreach ((string name, string value) in TrapText.RegistersOf(trap))
            {
                json.WriteString(name, value);
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();

        void Add(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                json.WriteString(name, value);
            }
        }
    });

    public static void Write(string usage) => JsonOutput.Write(pretty: false, json =>
    {
        json.WriteStartObject();
        json.WriteString("error", usage);
        json.WriteEndObject();
    });
}
