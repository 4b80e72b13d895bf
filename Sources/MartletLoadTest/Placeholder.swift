enum MartletLoadTestPlaceholder {}
