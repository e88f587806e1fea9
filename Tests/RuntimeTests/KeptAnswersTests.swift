// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Runtime

struct KeptAnswersTests {
    @Test func anAnswerServesHalfASecond() {
        var kept = KeptAnswers()
        #expect(kept.answer(to: .metrics, at: seconds(1)) == nil)
        kept.keep(.terminated(1), to: .metrics, at: seconds(1))
        #expect(kept.answer(to: .metrics, at: seconds(1.499)) == .terminated(1))
        #expect(kept.answer(to: .page, at: seconds(1)) == nil)
        #expect(kept.answer(to: .metrics, at: seconds(1.5)) == nil)
    }
}
