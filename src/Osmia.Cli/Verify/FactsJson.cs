using System.Text.Json;
using Osmia.Bytecode;
using Osmia.Verification.Facts;

namespace Osmia.Cli.Verify;

/// <summary>Facts as an array by instruction, for editors.</summary>
internal static class FactsJson
{
    public static void Write(Utf8JsonWriter json, VerificationFacts facts)
    {
        json.WriteStartArray("facts");
        for (int slot = 0; slot < facts.SlotCount; slot++)
        {
            if (!facts.IsReached(slot))
            {
                continue;
            }

            json.WriteStartObject();
            json.WriteNumber("insn", slot);
            json.WriteStartObject("registers");
            for (int register = 0; register < 10; register++)
            {
                RegisterFact fact = facts.RegisterAt(slot, (Register)register);
                if (fact.Kind != ValueKind.Unknown)
                {
                    WriteRegister(json, $"r{register}", fact);
                }
            }

            json.WriteEndObject();
            if (facts.AccessAt(slot) is { } access)
            {
                json.WriteStartObject("access");
                json.WriteString("region", access.Region.ToString());
                json.WriteNumber("size", access.Size);
                json.WriteBoolean("write", access.IsWrite);
                json.WriteBoolean("needs_check", access.NeedsCheck);
                json.WriteNumber("offset_min", access.Offset.Wide.SMin);
                json.WriteNumber("offset_max", access.Offset.Wide.SMax);
                json.WriteNumber("map", access.Map);
                json.WriteEndObject();
            }

            if (facts.BranchAt(slot) is var branch and not BranchFact.None)
            {
                json.WriteString("branch", branch == BranchFact.Both ? "both" : branch == BranchFact.AlwaysTaken ? "always" : "never");
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteRegister(Utf8JsonWriter json, string name, RegisterFact fact)
    {
        json.WriteStartObject(name);
        json.WriteString("kind", fact.Kind.ToString());
        json.WriteNumber("umin", fact.Value.Wide.UMin);
        json.WriteNumber("umax", fact.Value.Wide.UMax);
        json.WriteNumber("smin", fact.Value.Wide.SMin);
        json.WriteNumber("smax", fact.Value.Wide.SMax);
        json.WriteNumber("bits_value", fact.Value.Bits.Value);
        json.WriteNumber("bits_unknown", fact.Value.Bits.Mask);
        if (fact.Kind != ValueKind.Number)
        {
            json.WriteBoolean("nullable", fact.MayBeNull);
            json.WriteNumber("map", fact.Map);
        }

        json.WriteEndObject();
    }
}
