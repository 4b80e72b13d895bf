enum MartletProtocolPlaceholder {}
