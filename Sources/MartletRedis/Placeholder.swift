enum MartletRedisPlaceholder {}
