using System.Globalization;
using System.Text;
using Osmia.Bytecode;

namespace Osmia.Vm.Hooks;

/// <summary>What a writer of programs includes: the context as a C structure, and the helpers by their numbers.</summary>
public static class HookHeader
{
    public static string Write(HookType type)
    {
        var text = new StringBuilder();
        ContextLayout layout = type.Context;
        text.Append(CultureInfo.InvariantCulture, $"/* Programs of hook '{type.Section}' stand in SEC(\"{type.Section}\") or SEC(\"{type.Section}/NAME\"). */\n#pragma once\n\nstruct {layout.Name} {{\n");
        int end = 0;
        int alignment = 1;
        foreach (ContextField field in layout.Fields)
        {
            bool isNumber = field.Width != ContextWidth.Any;
            int natural = isNumber ? field.Size : 1;
            AppendPadding(text, (end + natural - 1) / natural * natural, field.Offset, end);
            string note = field.Writers == ContextUsers.None ? "" : " /* writable */";
            text.Append(isNumber ? $"\t{NumberOf(field.Size)} {field.Name};{note}\n" : string.Create(CultureInfo.InvariantCulture, $"\tunsigned char {field.Name}[{field.Size}];{note}\n"));
            end = field.End;
            alignment = Math.Max(alignment, natural);
        }

        AppendPadding(text, (end + alignment - 1) / alignment * alignment, layout.Size, end);
        text.Append(CultureInfo.InvariantCulture, $"}};\n\n_Static_assert(sizeof(struct {layout.Name}) == {layout.Size}, \"the layout of the application\");\n");
        foreach (HookHelper helper in type.Helpers)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n{helper.Declaration} = (void *) {(int)helper.Definition.Id};\n");
        }

        return text.ToString();
    }

    /// <param name="expected">Where the compiler would go on by itself.</param>
    private static void AppendPadding(StringBuilder text, int expected, int wanted, int end)
    {
        if (expected != wanted)
        {
            text.Append(CultureInfo.InvariantCulture, $"\tunsigned char padding_{end}[{wanted - end}];\n");
        }
    }

    private static string NumberOf(int size) => size switch
    {
        1 => "unsigned char",
        2 => "unsigned short",
        4 => "unsigned int",
        _ => "unsigned long long",
    };
}
