enum MartletBackplanePlaceholder {}
