using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Cli.Run;
using Osmia.Kernel.Links;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia feature list_builtins attach_kinds</c>: the ways of attaching, the kernels they came with, and what is tried in turn.</summary>
internal static class AttachKindTable
{
    public const string Group = "attach_kinds";

    public static void Write(bool isJson, bool isPretty)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw RunErrors.KernelNeedsLinux();
        }

        if (isJson)
        {
            WriteJson(isPretty);
        }
        else
        {
            WriteText();
        }
    }

    [SupportedOSPlatform("linux")]
    private static void WriteText()
    {
        var table = new TextTable("KIND", "LINUX", "PROGRAMS", "TRIED IN TURN");
        foreach (AttachKindInfo kind in AttachKinds.All)
        {
            table.Add(kind.Name, kind.FirstKernel, string.Join(',', kind.Programs.Select(type => type.ToKernelName())), kind.Fallback);
        }

        table.Write(Console.Out, indent: "");
    }

    [SupportedOSPlatform("linux")]
    private static void WriteJson(bool isPretty) => JsonOutput.Write(isPretty, json =>
    {
        json.WriteStartArray();
        foreach (AttachKindInfo kind in AttachKinds.All)
        {
            json.WriteStartObject();
            json.WriteString("kind", kind.Name);
            json.WriteString("first_kernel", kind.FirstKernel);
            json.WriteStartArray("prog_types");
            foreach (ProgramType type in kind.Programs)
            {
                json.WriteStringValue(type.ToKernelName());
            }

            json.WriteEndArray();
            json.WriteString("fallback", kind.Fallback);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
