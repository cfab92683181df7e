using Osmia.Objects.Linking;
using Osmia.Verification;

namespace Osmia.Tests.Verification;

/// <summary>Every family of refusals has a page with two programs: the first is refused by its id, the second accepted.</summary>
public class FamilyTests
{
    public static TheoryData<string> Pages => [.. VerifierPages.Ids];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Pages_show_a_program_that_is_refused_and_one_that_is_mended(string id)
    {
        (LinkedObject refused, LinkedObject mended) = VerifierPages.Programs(id);
        VerificationReport bad = Verifier.Verify(refused, refused.Programs[0]);
        VerificationReport good = Verifier.Verify(mended, mended.Programs[0]);

        Assert.Equal((id, id == "OSM3099" ? Verdict.Unknown : Verdict.Reject), (bad.Problem?.Id, bad.Verdict));
        Assert.Equal((Verdict.Accept, null), (good.Verdict, good.Problem));
    }
}
