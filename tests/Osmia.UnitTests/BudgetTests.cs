namespace Osmia.Tests;

public class BudgetTests
{
    [Fact]
    public void Shares_of_the_budget_make_a_whole() => Assert.Equal(100, Budget.Percents.Values.Sum());

    [Fact]
    public void Unknown_share_is_refused() => Assert.Throws<ArgumentException>(() => Budget.For("nobody"));
}
