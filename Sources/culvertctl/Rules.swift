// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import DataPlane

struct Rules: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the rules that keep clients apart and in secret, with what they counted.",
        discussion: "They are culvertd's own nftables table. Docs/Rules.md explains them."
    )

    @OptionGroup var options: CommonOptions

    func run() throws {
        let set: RuleSet = try options.client.get("/v1/rules")
        try options.print(set, render)
    }
}

/// A heading for each chain, a paragraph for each rule.
func render(_ set: RuleSet) -> String {
    var text = wrapped(
        "table \(set.table): culvertd's own; nobody else can change it, and it goes with culvertd".visible,
        first: "",
        indent: 0
    )
    var chain: String?
    for rule in set.rules {
        if chain != rule.chain {
            chain = rule.chain
            let place = rule.hook.map { "at \($0), priority \(rule.priority ?? 0)" } ?? "where other rules send packets"
            text += "\n" + wrapped("\(rule.chain): \(place)".visible, first: "", indent: 2)
        }
        text += wrapped(rule.match.visible, first: "  ", indent: 4)
        text += wrapped(rule.action.visible, first: "    -> ", indent: 7)
        text += wrapped(rule.reason.visible, first: "    ", indent: 4)
        if let counter = rule.counter {
            let count = rule.packets.map { "\(grouped($0)) packets" } ?? "not known"
            text += wrapped("\(counter.visible): \(count)", first: "    ", indent: 4)
        }
    }
    return text
}
