using System.Runtime.InteropServices;
using System.Text;
using Osmia.Objects;
using Osmia.Runtime;
using Osmia.Verification;
using Osmia.Vm;
using Osmia.Vm.Hooks;

namespace Osmia.Samples.Pricing;

/// <summary>What rules are handed. They may read all of it and write what is marked.</summary>
[StructLayout(LayoutKind.Sequential)]
public record struct Order
{
    public uint Article { get; set; }

    public uint Quantity { get; set; }

    /// <summary>Of a piece, in cents.</summary>
    public ulong Price { get; set; }

    [Writable]
    public ulong Discount { get; set; }
}

/// <summary>A shop whose rules are eBPF programs: checked before they run, replaced while orders come in.</summary>
public static class Shop
{
    private static readonly string[] s_answers = ["taken", "refused", "out of stock"];

    /// <summary>The program type of the rules, with the shop's own functions.</summary>
    public static HookType<Order> DefineRules(TextWriter output) => new HookType<Order>("pricing")
        .Helper("stock_of", (uint article) => article == 7 ? 100u : 12u)
        .ContextHelper("note", (ref Order order, ReadOnlySpan<byte> text) =>
        {
            output.WriteLine($"  a rule notes of article {order.Article}: {Encoding.UTF8.GetString(text)}");
            return 0;
        });

    public static void Run(string rules, TextWriter output)
    {
        HookType<Order> pricing = DefineRules(output);
        using var engine = new VmEngine(new VmOptions { HookTypes = [pricing], Tier = VmTier.Il });

        // What does not verify is not loaded, and the writer of the rule is told why.
        BpfObject source = BpfObject.Read(rules);
        try
        {
            engine.LoadVerified(source).Dispose();
        }
        catch (VerificationException refused)
        {
            output.WriteLine($"{refused.Program}: {refused.Diagnostic.What}");
            output.WriteLine($"  why: {refused.Diagnostic.Why}");
        }

        using LoadedObject loaded = engine.LoadVerified(source, "limit", "volume", "spring");
        using Hook<Order> hook = engine.CreateHook(pricing);
        using HookLink limit = hook.Attach(loaded.Program("limit"), priority: 1);
        using HookLink discount = hook.Attach(loaded.Program("volume"), priority: 2);
        loaded.Map<uint, uint>("limits").Update(7, 50);

        Take(new Order { Article = 7, Quantity = 10, Price = 250 });
        Take(new Order { Article = 7, Quantity = 60, Price = 250 });
        Take(new Order { Article = 8, Quantity = 20, Price = 990 });

        output.WriteLine("it is spring");
        discount.Replace(loaded.Program("spring"));
        Take(new Order { Article = 7, Quantity = 10, Price = 250 });
        output.WriteLine($"limit ran {limit.Statistics.Runs} times, the discount {discount.Statistics.Runs} times");

        void Take(Order order)
        {
            int answer = hook.Fire(ref order);
            output.WriteLine($"{order.Quantity} of article {order.Article}: {s_answers[answer]}{(answer == 0 ? $", {order.Discount} cents off" : "")}");
        }
    }
}
