internal import MartletAccess
internal import MartletBackplane
internal import MartletCore
internal import MartletProtocol
internal import NIOCore

/// Who else has a say when a client publishes: the user's quota, and the application's back end. Confined to its hub's event loop.
struct PublishingRules {
  let services: GatewayServices
  let eventLoop: any EventLoop

  /// Nil: nobody has to be asked. Otherwise why the event may not be published, or nil if it may; never fails.
  func check(
    _ event: ClientEvent, in group: GroupName, _ route: Route, by subject: AccessSubject
  ) -> EventLoopFuture<Refusal?>? {
    let asksHook = route.access.hookEvents.contains(.publish)
    guard let quota = route.quota else {
      return asksHook ? askHook(event, group, route, subject) : nil
    }
    let user = UserKey(tenant: subject.tenant, id: subject.user.id)
    let spent = services.userQuota.spend(user, quota: quota).hop(to: eventLoop)
      .map { Self.refusal($0, quota) }
      .recover { Refusal(.unavailable, "\($0)") }
    guard asksHook else { return spent }
    let bound = NIOLoopBound((self, event), eventLoop: eventLoop)
    return spent.flatMap { refusal in
      let (rules, event) = bound.value
      if let refusal { return rules.eventLoop.makeSucceededFuture(refusal) }
      return rules.askHook(event, group, route, subject)
    }
  }

  private func askHook(
    _ event: ClientEvent, _ group: GroupName, _ route: Route, _ subject: AccessSubject
  ) -> EventLoopFuture<Refusal?> {
    Permission(services: services).publish(
      event.type, in: group, route, by: subject, on: eventLoop,
      event: { String(buffer: event.body.closed) })
  }

  private static func refusal(_ answer: QuotaAnswer, _ quota: Quota) -> Refusal? {
    guard case .refused(let milliseconds) = answer else { return nil }
    return Refusal(
      .rateLimited,
      "at most \(quota.count) publications of a user in \(quota.period.milliseconds) ms",
      retryAfter: Int64(milliseconds))
  }
}
