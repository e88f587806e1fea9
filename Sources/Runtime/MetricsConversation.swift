// SPDX-License-Identifier: Apache-2.0
internal import NIOCore
internal import NIOHTTP1

/// One connection to the server of metrics: reads one request, asks the shard, writes the answer, closes.
final class MetricsConversation: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case waitHead
        /// The rest of a request that is answered when it has come.
        case waitEnd(MetricsRoute, isHead: Bool)
        /// The shard was asked.
        case waitReply(isHead: Bool)
        case answered
    }

    private var state = State.waitHead
    private var timers: [Scheduled<Void>] = []
    private var context: ChannelHandlerContext?
    private let mailbox: Mailbox<ShardMessage>
    private let offer: MetricsServer.Offer
    private let limits: MetricsServer.Limits
    private let connections: ConnectionCount

    init(
        mailbox: Mailbox<ShardMessage>,
        offer: MetricsServer.Offer,
        limits: MetricsServer.Limits,
        connections: ConnectionCount
    ) {
        self.mailbox = mailbox
        self.offer = offer
        self.limits = limits
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        let count = connections.enter()
        let eventLoop = context.eventLoop.assumeIsolated()
        timers = [
            eventLoop.scheduleTask(in: TimeAmount(limits.requestTime)) { self.giveUpWaiting() },
            eventLoop.scheduleTask(in: TimeAmount(limits.connectionTime)) { self.context?.close(promise: nil) },
        ]
        if count > limits.connections { refuse(503, "too many connections") }
    }

    func channelInactive(context: ChannelHandlerContext) {
        connections.leave()
        for timer in timers { timer.cancel() }
        timers = []
        state = .answered
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (state, unwrapInboundIn(data)) {
        case (.waitHead, .head(let head)):
            do throws(MetricsRefusal) {
                let route = try MetricsRoute(
                    method: head.method.rawValue,
                    uri: head.uri,
                    hosts: head.headers[canonicalForm: "host"].map(String.init),
                    offer: offer
                )
                state = .waitEnd(route, isHead: head.method == .HEAD)
            } catch {
                answer(MetricsResponse(error), isHead: head.method == .HEAD)
            }
        case (.waitEnd(let route, let isHead), .end):
            state = .waitReply(isHead: isHead)
            ask(route)
        case (.waitEnd, .body):
            refuse(413, "no request here has a body")
        case _:
            // A second request on the connection, or the rest of one that is answered already.
            break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case is ControlRefusal: refuse(413, "the request is too large")
        case is HTTPParserError: refuse(400, "this is not an HTTP/1.1 request")
        case _: context.close(promise: nil)
        }
    }

    private func ask(_ route: MetricsRoute) {
        guard let eventLoop = context?.eventLoop else { return }
        let conversation = NIOLoopBound(self, eventLoop: eventLoop)
        let isPosted = mailbox.post(
            .request(route.request) { reply in
                // The shard's thread only passes it on.
                eventLoop.execute { conversation.value.take(reply) }
            }
        )
        if !isPosted { refuse(503, "the gateway is too busy to answer") }
    }

    private func take(_ reply: ControlReply) {
        guard case .waitReply(let isHead) = state else { return }
        answer(MetricsResponse(reply), isHead: isHead)
    }

    private func giveUpWaiting() {
        switch state {
        case .waitHead, .waitEnd: refuse(408, "the request did not come in time")
        case .waitReply: refuse(503, "the gateway is too busy to answer")
        case .answered: break
        }
    }

    private func refuse(_ status: Int, _ message: String) {
        let isHead: Bool
        switch state {
        case .waitEnd(_, let head), .waitReply(let head): isHead = head
        case .waitHead, .answered: isHead = false
        }
        answer(MetricsResponse(MetricsRefusal(status, message)), isHead: isHead)
    }

    /// Writes the one answer of this connection, then closes it.
    private func answer(_ response: MetricsResponse, isHead: Bool) {
        if case .answered = state { return }
        state = .answered
        guard let context else { return }
        var headers = HTTPHeaders(response.headers)
        headers.add(name: "content-length", value: String(response.body.count))
        headers.add(name: "connection", value: "close")
        let head = HTTPResponseHead(
            version: .http1_1,
            status: HTTPResponseStatus(statusCode: response.status),
            headers: headers
        )
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !isHead {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
            self.context?.close(promise: nil)
        }
    }
}
